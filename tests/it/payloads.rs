//! Payloads as golden files: rows in, the very bytes that Meta reads out, at a time that stands still.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use fbcapi::sync::{self, World};

use crate::support::run::{Stage, options};

/// When every golden file was made: 2026-11-23T12:00:00Z.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_435_200, 0).unwrap()
}

/// Standard output that a test can read.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Compares the payloads of a case's rows with its golden file, byte for byte; `left_out` rows give none.
#[track_caller]
fn check(case: &str, left_out: u64, change: impl FnOnce(Stage) -> Stage) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden");
    let read = |ending: &str| std::fs::read_to_string(golden.join(format!("{case}.{ending}.ndjson"))).unwrap();
    let stage = change(Stage::new("http://127.0.0.1:9"));
    stage.write("rows.ndjson", read("rows"));
    let paper = Paper::default();
    let world = World { now, random: || 0.0 };
    let config = stage.config();
    let options = options();
    let dry_run = sync::dry_run(&config, &options, world, Box::new(paper.clone()));
    let outcome = stage.runtime.block_on(dry_run);
    assert!(outcome.failure.is_none(), "{:?}", outcome.failure);
    let payloads = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    let expected = read("payloads");
    for (payload, expected) in payloads.lines().zip(expected.lines()) {
        assert_eq!(payload, expected, "{case}");
    }
    assert_eq!(payloads, expected, "{case}");
    let counts = &outcome.report.counts;
    assert_eq!((counts.rejected, counts.selected - counts.pending), (left_out, left_out), "{counts:?}");
}

#[test]
fn rows_of_the_customers_model() {
    check("model", 0, |stage| stage);
}

#[test]
fn names_in_many_scripts() {
    check("names", 0, |stage| stage);
}

#[test]
fn lists_and_values_that_are_hashed_already() {
    check("lists", 0, |stage| stage);
}

#[test]
fn amounts_keep_their_digits() {
    check("amounts", 2, |stage| stage);
}

#[test]
fn keys_of_custom_data() {
    check("custom_data", 0, |stage| {
        let columns = "content_name = \"name\"\ncontent_ids = \"ids\"\ncontents = \"items\"\nnum_items = \"n\"\n\
                       predicted_ltv = \"ltv\"\nstatus = { value = \"paid\" }";
        stage.section("columns", columns).section("columns.custom_data", "shop_name = \"shop\"")
    });
}

#[test]
fn clicks_browsers_and_raw_ids() {
    check("clicks", 0, |stage| {
        let columns = "fbc = \"cookie\"\nfbp = \"fbp\"\nclient_ip_address = \"ip\"\nclient_user_agent = \"agent\"";
        stage.section("columns", columns).section("external_id", "form = \"raw\"")
    });
}

#[test]
fn rows_of_the_second_preset() {
    check("marketing_conversions", 0, |stage| stage.configure("source", "preset = \"marketing_conversions_facebook\""));
}

#[test]
fn people_in_many_countries() {
    check("places", 0, |stage| {
        stage.section(
            "columns",
            "gender = \"sex\"\ncity = \"town\"\nstate = \"region\"\nzip = \"post\"\ncountry = \"land\"",
        )
    });
}

#[test]
fn keys_that_leave_unhashed() {
    check("ids", 0, |stage| {
        stage.section("columns", "subscription_id = \"subscription_id\"\nfb_login_id = \"fb_login_id\"\nlead_id = \"lead_id\"\nanon_id = \"anon_id\"\nmadid = \"madid\"\npage_id = \"page_id\"\npage_scoped_user_id = \"page_scoped_user_id\"\nctwa_clid = \"ctwa_clid\"\nig_account_id = \"ig_account_id\"\nig_sid = \"ig_sid\"\nwhatsapp_business_account_id = \"whatsapp_business_account_id\"")
    });
}

#[test]
fn pages_and_opt_outs_of_a_website() {
    check("pages", 0, |stage| {
        stage.section("columns", "event_source_url = \"url\"\nreferrer_url = \"referrer\"\nclient_user_agent = \"agent\"\nopt_out = \"out\"\naction_source = { value = \"website\" }")
    });
}

#[test]
fn limited_data_use_row_by_row() {
    check("processing", 0, |stage| {
        stage.section("columns", "data_processing_options = \"ldu\"\ndata_processing_options_country = \"c\"\ndata_processing_options_state = \"s\"")
    });
}

#[test]
fn objects_as_json_and_key_by_key() {
    check("objects", 0, |stage| {
        stage.section("columns", "original_event_data = \"first\"\nadvanced_measurement_table = \"table\"").section("columns.attribution_data", "ad_id = \"ad\"\nattribution_share = \"share\"\nvisit_time = \"visit\"\nattr_window = \"window\"\nattribution_setting = \"setting\"\nscope = { value = \"click\" }").section("columns.store_data", "store_code = \"shop\"")
    });
}

#[test]
fn events_in_an_app() {
    check("app", 1, |stage| {
        stage.section("columns", "madid = \"madid\"\naction_source = { value = \"app\" }").section("columns.app_data", "application_tracking_enabled = { value = true }\nadvertiser_tracking_enabled = \"tracked\"\nextinfo = \"info\"\nurl_schemes = \"schemes\"")
    });
}

#[test]
fn events_in_a_messaging_app() {
    check("messages", 2, |stage| {
        stage.section("columns", "messaging_channel = \"chat\"\nctwa_clid = \"click\"\nwhatsapp_business_account_id = \"waba\"\npage_id = \"page\"\npage_scoped_user_id = \"psid\"\nig_account_id = \"ig\"\nig_sid = \"igsid\"\naction_source = { value = \"business_messaging\" }")
    });
}

#[test]
fn products_of_columns_side_by_side() {
    check("products", 0, |stage| {
        stage.section("columns", "order_id = \"o\"\nnet_revenue = \"rev\"\ncontent_category = \"cat\"\ncustomer_segmentation = \"kind\"\nsearch_string = \"search\"\nitem_number = \"item\"\ndelivery_category = \"how\"").section("columns.contents", "id = \"sku\"\nquantity = \"n\"\nitem_price = \"price\"\ndelivery_category = \"how\"\nbrand = { value = \"Nord\" }")
    });
}

#[test]
fn custom_properties_of_every_kind() {
    check("own_keys", 0, |stage| {
        stage.section("columns.custom_data", "plan = \"plan\"\nseats = { column = \"seats\", as = \"number\" }\ngift = { column = \"gift\", as = \"boolean\" }\ntags = { column = \"tags\", as = \"list\" }\nextra = { column = \"extra\", as = \"json\" }\nhotline = { column = \"line\", personal = false }\nshop = { value = 7 }\nis_new = { value = false }\nstatus = { value = true }")
    });
}

#[test]
fn names_by_the_configuration() {
    check("renamed", 0, |stage| {
        stage
            .section("events", "\"sign up\" = \"CompleteRegistration\"")
            .section("events.Lead", "rename = \"Contact\"\naction_source = \"phone_call\"")
    });
}

#[test]
fn fields_that_never_leave() {
    check("excluded", 0, |stage| {
        stage.section("privacy", "consent = \"not-needed\"\nexclude_fields = [\"first_name\", \"date_of_birth\", \"external_id\", \"value\"]")
    });
}
