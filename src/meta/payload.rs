//! An event as the bytes that Meta reads: one object of the request's `data` array.
//!
//! Source: Conversions API, server event, customer information and custom data parameters. Written directly, without
//! an intermediate tree, because it is done for every row.

use super::MatchKey;
use super::click::{Click, SUBDOMAIN_INDEX};
use super::data_processing::DataProcessing;
use super::hash::Digest;
use super::messaging::Channel;
use crate::event::{Event, Value};
use crate::private::Scratch;

/// Appends an event's JSON object to `out`. The same event always gives the same bytes.
pub fn write(event: &Event<'_>, out: &mut Vec<u8>) {
    let Event {
        id,
        name,
        time,
        timeliness: _,
        action_source,
        event_source_url,
        referrer_url,
        opt_out,
        processing,
        channel,
        measurement,
        objects,
        digests,
        raw_ids,
        plain,
        click,
        custom,
        keys: _,
    } = event;
    out.extend_from_slice(b"{\"event_name\":");
    text(out, name);
    out.extend_from_slice(b",\"event_time\":");
    whole(out, *time);
    out.extend_from_slice(b",\"event_id\":");
    text(out, id);
    out.extend_from_slice(b",\"action_source\":\"");
    out.extend_from_slice(action_source.wire().as_bytes());
    out.push(b'"');
    if let Some(url) = event_source_url {
        out.extend_from_slice(b",\"event_source_url\":");
        text(out, url);
    }
    if let Some(url) = referrer_url {
        out.extend_from_slice(b",\"referrer_url\":");
        text(out, url);
    }
    if let Some(opt_out) = opt_out {
        out.extend_from_slice(if *opt_out { b",\"opt_out\":true" } else { b",\"opt_out\":false" });
    }
    match processing {
        None => {}
        Some(DataProcessing::Unlimited) => out.extend_from_slice(b",\"data_processing_options\":[]"),
        Some(DataProcessing::Limited { country, state }) => {
            out.extend_from_slice(b",\"data_processing_options\":[\"LDU\"],\"data_processing_options_country\":");
            whole(out, i64::from(*country));
            out.extend_from_slice(b",\"data_processing_options_state\":");
            whole(out, i64::from(*state));
        }
    }
    let channel = channel.map(Channel::wire);
    for (key, value) in [("messaging_channel", channel), ("advanced_measurement_table", *measurement)] {
        if let Some(value) = value {
            member(out, key);
            text(out, value);
        }
    }
    for (key, json) in objects {
        member(out, key);
        out.extend_from_slice(json.as_bytes());
    }
    out.extend_from_slice(b",\"user_data\":{");
    user_data(out, digests, raw_ids, plain, click.as_ref());
    out.push(b'}');
    if !custom.is_empty() {
        out.extend_from_slice(b",\"custom_data\":{");
        for (at, (key, value)) in custom.iter().enumerate() {
            separate(out, at);
            text(out, key);
            out.push(b':');
            match value {
                Value::Json(json) => out.extend_from_slice(json.as_bytes()),
                Value::Text(string) => text(out, string),
            }
        }
        out.push(b'}');
    }
    out.push(b'}');
}

fn user_data(
    out: &mut Vec<u8>,
    digests: &[(MatchKey, Digest)],
    raw_ids: &[Scratch],
    plain: &[(MatchKey, &str)],
    click: Option<&Click<'_>>,
) {
    let mut written = 0;
    for values in digests.chunk_by(|one, other| one.0 == other.0) {
        for (at, (key, digest)) in values.iter().enumerate() {
            if at == 0 {
                separate(out, written);
                out.push(b'"');
                out.extend_from_slice(key.wire().as_bytes());
                out.extend_from_slice(b"\":[\"");
            } else {
                out.extend_from_slice(b",\"");
            }
            out.extend_from_slice(digest.as_bytes());
            out.push(b'"');
        }
        out.push(b']');
        written += 1;
    }
    for (at, id) in raw_ids.iter().enumerate() {
        if at == 0 {
            separate(out, written);
            out.extend_from_slice(b"\"external_id\":[");
            written += 1;
        } else {
            out.push(b',');
        }
        text(out, id.expose());
    }
    if !raw_ids.is_empty() {
        out.push(b']');
    }
    for (key, value) in plain {
        separate(out, written);
        text(out, key.wire());
        out.push(b':');
        text(out, value);
        written += 1;
    }
    let Some(click) = click else { return };
    separate(out, written);
    out.extend_from_slice(b"\"fbc\":");
    match click {
        Click::Ready(fbc) => text(out, fbc),
        Click::Made { millis, fbclid } => {
            out.extend_from_slice(b"\"fb.");
            whole(out, i64::from(SUBDOMAIN_INDEX));
            out.push(b'.');
            whole(out, *millis);
            out.push(b'.');
            let start = out.len();
            text(out, fbclid);
            // The id's own opening quote is inside the string that began with `fb.`.
            out.remove(start);
        }
    }
}

/// Begins another member of the event.
fn member(out: &mut Vec<u8>, key: &str) {
    out.push(b',');
    text(out, key);
    out.push(b':');
}

fn separate(out: &mut Vec<u8>, written: usize) {
    if written > 0 {
        out.push(b',');
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    // Looking at all is faster than stopping at the first: the compiler looks at many bytes at once.
    let is_special = |byte| byte < 0x20 || byte == b'"' || byte == b'\\';
    let special = text.bytes().fold(0, |special, byte| special | u8::from(is_special(byte)));
    if special == 0 {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).expect("a string written to memory cannot fail");
    }
}

fn whole(out: &mut Vec<u8>, number: i64) {
    serde_json::to_writer(out, &number).expect("a number written to memory cannot fail");
}
