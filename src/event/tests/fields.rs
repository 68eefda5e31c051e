//! Fields beyond the model's: pages, processing, objects, names and what is too personal to leave.

use super::*;
use crate::event::columns::Personal;
use crate::event::object::Object;

/// The usual rules with further columns, each under the name of its field.
fn fed(fields: &[&str]) -> Rules {
    let mut rules = rules();
    for field in fields {
        assert!(rules.columns.set(field, Origin::Column((*field).into())), "{field}");
    }
    rules
}

/// The members of a payload between `action_source` and `user_data`, and what was noted.
fn beside(rules: &Rules, changes: &[(&str, &str)]) -> (String, Vec<Reason>) {
    let (payload, notes) = map(rules, changes);
    let payload = payload.expect("the row is sent");
    serde_json::from_str::<serde::de::IgnoredAny>(&payload).expect("a payload is JSON");
    let (head, _) = payload.split_once(",\"user_data\"").unwrap();
    let (_, rest) = head.split_once("\"action_source\":\"").unwrap();
    (rest.split_once('"').unwrap().1.trim_start_matches(',').to_owned(), notes)
}

/// The `custom_data` of a payload, and what was noted.
fn about(rules: &Rules, changes: &[(&str, &str)]) -> (String, Vec<Reason>) {
    let (payload, notes) = map(rules, changes);
    let payload = payload.expect("the row is sent");
    serde_json::from_str::<serde::de::IgnoredAny>(&payload).expect("a payload is JSON");
    let custom =
        payload.split_once(",\"custom_data\":").map(|(_, custom)| custom.strip_suffix('}').unwrap().to_owned());
    (custom.unwrap_or_default(), notes)
}

fn told(text: &str, reasons: &[Reason]) -> (String, Vec<Reason>) {
    (text.to_owned(), reasons.to_vec())
}

#[test]
fn pages_are_whole_addresses_without_personal_data() {
    let rules = fed(&["event_source_url", "referrer_url"]);
    let page = |url: &str| beside(&rules, &[("event_source_url", url)]);
    let sent = |url: &str| format!(r#""event_source_url":"{url}""#);
    assert_eq!(page(" https://shop.example.com/?a=1#b "), told(&sent("https://shop.example.com/?a=1#b"), &[]));
    assert_eq!(page("HTTP://shop.example.com"), told(&sent("HTTP://shop.example.com"), &[]));
    for bad in ["shop.example.com", "ftp://shop.example.com", "https://a b", "/cart"] {
        assert_eq!(page(bad), told("", &[Reason::InvalidUrl]), "{bad}");
    }
    let personal = [Reason::PersonalData];
    assert_eq!(
        page("https://shop.example.com/thanks?e=ada%40example.com"),
        told(&sent("https://shop.example.com/thanks"), &personal)
    );
    assert_eq!(page("https://shop.example.com/ada@example.com"), told("", &personal));
    let both = beside(&rules, &[("event_source_url", "https://a.example"), ("referrer_url", "https://b.example")]);
    assert_eq!(both, told(r#""event_source_url":"https://a.example","referrer_url":"https://b.example""#, &[]));
}

#[test]
fn a_website_without_page_or_user_agent_is_sent_and_noted() {
    let mut rules = fed(&["event_source_url", "client_user_agent"]);
    rules.action_source = ActionSource::Website;
    let notes = |changes: &[(&str, &str)]| map(&rules, changes).1;
    assert_eq!(notes(&[]), [Reason::WebsiteWithoutUrl, Reason::WebsiteWithoutUserAgent]);
    assert_eq!(notes(&[("event_source_url", "https://a.example")]), [Reason::WebsiteWithoutUserAgent]);
    assert_eq!(notes(&[("event_source_url", "https://a.example"), ("client_user_agent", "Mozilla/5.0")]), []);
}

#[test]
fn limited_data_use_is_never_lost() {
    let rules = fed(&["data_processing_options", "data_processing_options_country", "data_processing_options_state"]);
    let processing = |options: &str, country: &str, state: &str| {
        beside(
            &rules,
            &[
                ("data_processing_options", options),
                ("data_processing_options_country", country),
                ("data_processing_options_state", state),
            ],
        )
    };
    let limited = |country: u16, state: u16| {
        format!(
            r#""data_processing_options":["LDU"],"data_processing_options_country":{country},"data_processing_options_state":{state}"#
        )
    };
    let bad = [Reason::InvalidDataProcessing];
    for yes in ["LDU", "ldu", r#"["LDU"]"#, "true", "1"] {
        assert_eq!(processing(yes, "1", "1000"), told(&limited(1, 1000), &[]), "{yes}");
    }
    for no in ["[]", "false", "0", "no"] {
        assert_eq!(processing(no, "1", "1000"), told(r#""data_processing_options":[]"#, &[]), "{no}");
    }
    assert_eq!(processing("NULL", "1", "1000"), told("", &[]));
    assert_eq!(processing("LDU", "NULL", "NULL"), told(&limited(0, 0), &[]));
    assert_eq!(processing("LDU", "0", "0"), told(&limited(0, 0), &[]));
    assert_eq!(processing("LDU", "1", "NULL"), told(&limited(0, 0), &bad));
    assert_eq!(processing("LDU", "1", "9"), told(&limited(0, 0), &bad));
    assert_eq!(processing("limited", "1", "1000"), told(&limited(1, 1000), &bad));
    assert_eq!(processing(r#"["LDU","X"]"#, "1", "1000"), told(&limited(1, 1000), &bad));
    assert_eq!(processing("[LDU]", "US", "CA"), told(&limited(1, 1000), &bad));
}

#[test]
fn an_event_in_an_app_needs_its_app_data() {
    let mut rules = rules();
    rules.action_source = ActionSource::App;
    for key in ["application_tracking_enabled", "advertiser_tracking_enabled", "extinfo"] {
        assert!(rules.columns.set_part(Object::AppData, key, Origin::Column(key.into())));
    }
    let device = format!("[\"a2\"{}]", ",\"\"".repeat(15));
    let row =
        [("application_tracking_enabled", "0"), ("advertiser_tracking_enabled", "false"), ("extinfo", device.as_str())];
    let expected = format!(
        r#""app_data":{{"application_tracking_enabled":0,"advertiser_tracking_enabled":false,"extinfo":{device}}}"#
    );
    assert_eq!(beside(&rules, &row), told(&expected, &[]));
    let missing = Refusal::Rejected(Reason::AppWithoutAppData);
    refuse(&rules, &[], missing);
    refuse(&rules, &row[..2], missing);
    refuse(&rules, &[row[0], row[1], ("extinfo", "[]")], missing);
    assert_eq!(map(&rules, &[row[0], row[1], ("extinfo", "[]")]).1, [Reason::InvalidExtinfo]);
    refuse(&rules, &[("application_tracking_enabled", "perhaps"), row[1], row[2]], missing);
}

#[test]
fn a_message_needs_its_app_and_its_ids() {
    let mut rules = fed(&["messaging_channel", "ctwa_clid", "page_id", "ig_account_id"]);
    rules.action_source = ActionSource::BusinessMessaging;
    refuse(&rules, &[], Refusal::Rejected(Reason::MessagingEventName));
    rules.names = vec![NameRules { name: "Lead".into(), rename: Some("LeadSubmitted".into()), action_source: None }];
    let whatsapp = [("messaging_channel", "WhatsApp"), ("ctwa_clid", "Af1"), ("page_id", "12")];
    assert_eq!(beside(&rules, &whatsapp), told(r#""messaging_channel":"whatsapp""#, &[]));
    let rejected = |changes: &[(&str, &str)], reason| refuse(&rules, changes, Refusal::Rejected(reason));
    rejected(&[], Reason::MessagingWithoutChannel);
    rejected(&[("messaging_channel", "telegram")], Reason::MessagingWithoutChannel);
    rejected(&whatsapp[..2], Reason::MessagingWithoutIds);
    rejected(&[("messaging_channel", "instagram"), ("page_id", "12")], Reason::MessagingWithoutIds);
    rules.action_source = ActionSource::Chat;
    assert_eq!(beside(&rules, &[("messaging_channel", "telegram")]), told("", &[Reason::InvalidChoice]));
}

#[test]
fn the_event_that_this_one_follows() {
    let whole = fed(&["original_event_data"]);
    let original = |json: &str| beside(&whole, &[("original_event_data", json)]);
    let expected = r#""original_event_data":{"event_name":"Lead","event_time":1763996400,"order_id":"7"}"#;
    let json = r#"{"order_id": 7, "event_time": "2025-11-24T15:00:00Z", "event_name": "Lead", "event_id": null}"#;
    assert_eq!(original(json), told(expected, &[]));
    assert_eq!(original(r#"{"colour":"red"}"#), told("", &[Reason::UnknownKey]));
    assert_eq!(original("[1]"), told("", &[Reason::InvalidJson]));
    let late = r#"{"event_time": 1763996400000, "event_name": "Lead"}"#;
    assert_eq!(original(late), told(r#""original_event_data":{"event_name":"Lead"}"#, &[Reason::InvalidTime]));
    let mut parts = rules();
    for (key, column) in [("order_id", "o"), ("event_time", "t"), ("event_name", "n")] {
        assert!(parts.columns.set_part(Object::OriginalEventData, key, Origin::Column(column.into())));
    }
    assert_eq!(beside(&parts, &[("n", "Lead"), ("t", "1763996400"), ("o", "7")]), told(expected, &[]));
    assert_eq!(beside(&parts, &[("n", "NULL")]), told("", &[]));
}

#[test]
fn a_shop_stands_in_custom_data() {
    let mut rules = fed(&["store_data"]);
    let shop = r#"{"store_data":{"store_code":"007"}}"#;
    assert_eq!(
        about(&rules, &[("store_data", r#"{"store_code": "007", "city": "x"}"#)]),
        told(shop, &[Reason::UnknownKey])
    );
    assert!(rules.columns.set_part(Object::StoreData, "store_code", Origin::Constant("007".into())));
    assert_eq!(about(&rules, &[]), told(shop, &[]));
}

#[test]
fn products_of_columns_side_by_side() {
    let mut rules = rules();
    for key in ["id", "quantity", "item_price", "delivery_category"] {
        assert!(rules.columns.set_part(Object::Contents, key, Origin::Column(key.into())));
    }
    assert!(rules.columns.set_part(Object::Contents, "brand", Origin::Constant("Acme".into())));
    let products = |changes: &[(&str, &str)]| about(&rules, changes);
    let two = [
        ("id", r#"["a", 7]"#),
        ("quantity", "[1, null]"),
        ("item_price", "[9.90, 0]"),
        ("delivery_category", r#"["curbside", "drone"]"#),
    ];
    let expected = r#"{"contents":[{"id":"a","quantity":1,"item_price":9.90,"delivery_category":"curbside","brand":"Acme"},{"id":"7","item_price":0,"brand":"Acme"}]}"#;
    assert_eq!(products(&two), told(expected, &[Reason::InvalidChoice]));
    assert_eq!(
        products(&[("id", "a"), ("quantity", "2")]),
        told(r#"{"contents":[{"id":"a","quantity":2,"brand":"Acme"}]}"#, &[])
    );
    assert_eq!(products(&[("id", r#"["a"]"#), ("quantity", "[1,2]")]), told("", &[Reason::UnevenLists]));
    assert_eq!(products(&[("id", r#"["a",null]"#)]), told("", &[Reason::ContentsWithoutId]));
    assert_eq!(products(&[("id", "[]")]), told("", &[]));
    assert_eq!(products(&[("quantity", "[1]")]), told("", &[]));
}

#[test]
fn words_that_meta_knows() {
    let rules = fed(&["delivery_category", "customer_segmentation"]);
    let row = [("delivery_category", "HOME_DELIVERY"), ("customer_segmentation", "customer_in_loyalty_program")];
    let expected = r#"{"delivery_category":"home_delivery","customer_segmentation":"customer_in_loyalty_program"}"#;
    assert_eq!(about(&rules, &row), told(expected, &[]));
    assert_eq!(about(&rules, &[("customer_segmentation", "new")]), told("", &[Reason::InvalidChoice]));
}

#[test]
fn what_looks_personal_does_not_leave_in_custom_data() {
    let mut rules = fed(&["search_string", "content_ids", "contents"]);
    rules.columns.set_custom(custom("agent", Kind::Own, Origin::Column("agent".into())));
    let left_out = |column, text| {
        assert_eq!(about(&rules, &[(column, text)]), told("", &[Reason::PersonalData]), "{column} {text}");
    };
    left_out("search_string", "ada@example.com");
    left_out("agent", "call +1 650-555-1212".strip_prefix("call ").unwrap());
    left_out("content_ids", r#"["a", "ada@example.com"]"#);
    left_out("contents", r#"[{"id": "a", "buyer": {"email": "x"}}]"#);
    let denied =
        CustomField { personal: Personal::Denied, ..custom("agent", Kind::Own, Origin::Column("agent".into())) };
    rules.columns.set_custom(denied);
    assert_eq!(about(&rules, &[("agent", "sales@example.com")]), told(r#"{"agent":"sales@example.com"}"#, &[]));
}

#[test]
fn what_looks_personal_does_not_leave_as_an_id() {
    let mut rules = fed(&["subscription_id", "lead_id"]);
    rules.normalize.external_id = ExternalIdForm::Raw;
    let left_out = |changes: &[(&str, &str)], reason| check(&rules, changes, &lead(&em(), ""), &[reason]);
    left_out(&[("subscription_id", "ada@example.com")], Reason::PersonalData);
    left_out(&[("external_id", "ada@example.com")], Reason::PersonalData);
    left_out(&[("person_id", "+1 650 555 1212")], Reason::PersonalData);
    left_out(&[("lead_id", "l:1")], Reason::InvalidId);
    check(
        &rules,
        &[("lead_id", "1234567890123456")],
        &lead(&format!(r#"{},"lead_id":"1234567890123456""#, em()), ""),
        &[],
    );
}

#[test]
fn the_configuration_is_the_case_statement() {
    let mut rules = rules();
    let rule =
        |name: &str, rename: &str| NameRules { name: name.into(), rename: Some(rename.into()), action_source: None };
    rules.names = vec![rule("sign up", "CompleteRegistration"), rule("Lead", "Contact")];
    let name = |kind: &str, at_source: &str| {
        let (payload, _) = map(&rules, &[("facebook_event_type", kind), ("event_name", at_source)]);
        payload.map(|payload| payload.split('"').nth(3).unwrap().to_owned())
    };
    assert_eq!(name("Other", "sign up").as_deref(), Ok("CompleteRegistration"));
    assert_eq!(name("Lead", " sign up ").as_deref(), Ok("CompleteRegistration"));
    assert_eq!(name("Lead", "lead generated").as_deref(), Ok("Contact"));
    assert_eq!(name("Schedule", "lead generated").as_deref(), Ok("Schedule"));
    assert_eq!(name("NULL", "sign up").as_deref(), Ok("CompleteRegistration"));
    assert_eq!(name("NULL", "lead generated").as_deref(), Ok("Other"));
    assert_eq!(name("NULL", "NULL"), Err(Refusal::Rejected(Reason::MissingEventName)));
    assert_eq!(name("ada@example.com", "NULL"), Err(Refusal::Rejected(Reason::MissingEventName)));
    rules.unmapped = Unmapped::Skip;
    let row = [("facebook_event_type", "NULL"), ("event_name", "lead generated")];
    refuse(&rules, &row, Refusal::Skipped(Reason::Unmapped));
}

#[test]
fn what_is_excluded_does_not_leave_by_another_way() {
    let names = [("full_name", "Ada Lovelace"), ("person_id", "p1")];
    let mut rules = rules();
    assert!(rules.columns.exclude("first_name") && rules.columns.exclude("external_id"));
    let lovelace = r#""ln":["fb1e7ec987523d2cb9e022cec1d6ae7c99dc46edfae4fe51254025fe4bea571f"]"#;
    check(&rules, &names, &lead(&format!("{},{lovelace}", em()), ""), &[]);
}

#[test]
fn a_time_that_was_read_in_the_wrong_unit_is_told() {
    let rules = rules();
    let millis = Arc::new(arrow_array::TimestampSecondArray::from(vec![1_763_996_400_000]).with_timezone("UTC"));
    let texts = |text: &str| Arc::new(StringArray::from(vec![text.to_owned()])) as ArrayRef;
    let batch = RecordBatch::try_from_iter([
        ("event_id", texts("e1")),
        ("occurred_at", millis as ArrayRef),
        ("facebook_event_type", texts("Lead")),
        ("email", texts("ada@example.com")),
    ])
    .unwrap();
    let table = Table::bind(&batch, &rules.columns, rules.zone).unwrap();
    let refusal = build(&table, 0, &rules, NOW, &mut People::default(), &mut Vec::new()).unwrap_err();
    assert_eq!(refusal, Refusal::Rejected(Reason::EventTimeNotInSeconds));
}

#[test]
fn a_value_is_written_as_its_column_is() {
    let mut rules = rules();
    for key in ["seats", "gift", "price", "tags", "plan"] {
        rules.columns.set_custom(custom(key, Kind::Own, Origin::Column(key.into())));
    }
    let texts = |text: &str| Arc::new(StringArray::from(vec![text.to_owned()])) as ArrayRef;
    let price = arrow_array::Decimal128Array::from(vec![12_990]).with_precision_and_scale(10, 2).unwrap();
    let tags = arrow_array::ListArray::from_iter_primitive::<arrow_array::types::Int32Type, _, _>([Some([Some(1)])]);
    let batch = RecordBatch::try_from_iter([
        ("event_id", texts("e1")),
        ("occurred_at", texts("2025-11-24 15:00:00")),
        ("facebook_event_type", texts("Lead")),
        ("email", texts("ada@example.com")),
        ("seats", Arc::new(arrow_array::Int8Array::from(vec![0])) as ArrayRef),
        ("gift", Arc::new(arrow_array::BooleanArray::from(vec![false])) as ArrayRef),
        ("price", Arc::new(price) as ArrayRef),
        ("tags", Arc::new(tags) as ArrayRef),
        ("plan", texts("007")),
    ])
    .unwrap();
    let table = Table::bind(&batch, &rules.columns, rules.zone).unwrap();
    let mut people = People::default();
    let event = build(&table, 0, &rules, NOW, &mut people, &mut Vec::new()).unwrap();
    let mut bytes = Vec::new();
    payload::write(&event, &mut bytes);
    let payload = String::from_utf8(bytes).unwrap();
    let custom = r#"{"seats":0,"gift":false,"price":129.90,"tags":[1],"plan":"007"}"#;
    assert!(payload.ends_with(&format!(r#""custom_data":{custom}}}"#)), "{payload}");
}
