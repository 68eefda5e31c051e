//! Columns of every Arrow type, with any content: nothing panics, what comes out is JSON, and what is hashed is a hash.

use arrow_array::types::{ArrowPrimitiveType, Decimal256Type, Int8Type, Int32Type};
use arrow_array::{
    BooleanArray, Date32Array, Decimal128Array, Decimal256Array, DictionaryArray, Float32Array, Float64Array,
    Int8Array, Int16Array, Int32Array, Int64Array, LargeStringArray, ListArray, NullArray, StringViewArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt8Array,
    UInt16Array, UInt32Array, UInt64Array,
};
use proptest::prelude::*;

use super::*;
use crate::event::object::Object;

/// An integer of 256 bits.
type Wide = <Decimal256Type as ArrowPrimitiveType>::Native;

/// Rules that feed every field and key there is, each from a column of its own name.
fn everything() -> Rules {
    let mut rules = rules();
    for name in field::Field::names().filter(|name| *name != "consent") {
        assert!(rules.columns.set(name, Origin::Column(name.into())), "{name}");
    }
    for (key, _) in columns::CUSTOM_KEYS {
        assert!(rules.columns.set(key, Origin::Column(key.into())), "{key}");
    }
    for (name, kind) in Kind::NAMES.into_iter().chain([("own", Kind::Own)]) {
        rules.columns.set_custom(custom(name, kind, Origin::Column(name.into())));
    }
    for object in Object::ALL {
        for (key, _) in object.keys() {
            let column = format!("{}_{key}", object.wire());
            assert!(rules.columns.set_part(object, key, Origin::Column(column)), "{key}");
        }
    }
    rules
}

/// A column of one row, of any type that a source can hand over.
fn cell() -> impl Strategy<Value = ArrayRef> {
    fn array<T: arrow_array::Array + 'static>(array: T) -> ArrayRef {
        Arc::new(array)
    }
    let texts = prop_oneof![
        "(?s).{0,24}",
        "[0-9 +().-]{0,16}",
        "[a-z]{1,8}@[a-z]{1,8}\\.[a-z]{2,3}",
        "\\[[^\\]]{0,20}\\]",
        "\\{\"(event_time|extinfo|id|x)\":.{0,12}\\}",
        Just("[{\"id\":\"a\"},{\"id\":7}]".to_owned()),
        Just("2025-11-24T15:00:00Z".to_owned()),
        Just("Purchase".to_owned()),
        Just("website".to_owned()),
    ];
    let texts = texts.prop_flat_map(|text| {
        prop_oneof![
            Just(array(StringArray::from(vec![text.clone()]))),
            Just(array(LargeStringArray::from(vec![text.clone()]))),
            Just(array(StringViewArray::from(vec![text.clone()]))),
            Just(array(DictionaryArray::<Int8Type>::from_iter([text.as_str()]))),
        ]
    });
    let numbers = any::<i64>().prop_flat_map(|number| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "any number will do"
        )]
        let columns = vec![
            array(Int8Array::from(vec![number as i8])),
            array(Int16Array::from(vec![number as i16])),
            array(Int32Array::from(vec![number as i32])),
            array(Int64Array::from(vec![number])),
            array(UInt8Array::from(vec![number as u8])),
            array(UInt16Array::from(vec![number as u16])),
            array(UInt32Array::from(vec![number as u32])),
            array(UInt64Array::from(vec![number as u64])),
            array(Float32Array::from(vec![number as f32])),
            array(Float64Array::from(vec![f64::from_bits(number as u64)])),
            array(Decimal128Array::from(vec![i128::from(number)]).with_precision_and_scale(38, 9).unwrap()),
            array(Decimal256Array::from(vec![Wide::from_i128(number.into())]).with_precision_and_scale(76, 2).unwrap()),
            array(Date32Array::from(vec![number as i32])),
            array(TimestampSecondArray::from(vec![number])),
            array(TimestampMillisecondArray::from(vec![number]).with_timezone("UTC")),
            array(TimestampMicrosecondArray::from(vec![number]).with_timezone("UTC")),
            array(TimestampNanosecondArray::from(vec![number])),
            array(BooleanArray::from(vec![number % 2 == 0])),
            array(ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(number as i32), None])])),
        ];
        prop::sample::select(columns)
    });
    prop_oneof![6 => texts, 4 => numbers, 1 => Just(array(NullArray::new(1)))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_type_and_no_content_breaks_a_payload(cells in prop::collection::vec(cell(), 130), is_known in 0..4) {
        let rules = everything();
        let names: Vec<String> = rules.columns.requests().into_iter().map(|request| request.name).collect();
        prop_assert!(names.len() > 100 && names.len() <= cells.len(), "{} columns", names.len());
        let text = |text: &str| Arc::new(StringArray::from(vec![text.to_owned()])) as ArrayRef;
        // Without these hardly any row would come as far as a payload.
        let known = |name: &str| match name {
            "event_id" => Some(text("e1")),
            "event_time" => Some(text("2025-11-24T15:00:00Z")),
            "event_name" => Some(text("Lead")),
            "action_source" => Some(text("chat")),
            "em" | "email" => Some(text("ada@example.com")),
            _ => None,
        };
        let columns = names.iter().zip(&cells).map(|(name, cell)| {
            let column = known(name).filter(|_| is_known > 0).unwrap_or_else(|| Arc::clone(cell));
            (name.clone(), column, true)
        });
        let mut batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        // Flags are refused where something else is wanted, and nothing else is.
        while let Err(refused) = Table::bind(&batch, &rules.columns, rules.zone).map(drop) {
            prop_assert_eq!(refused.data_type, DataType::Boolean);
            batch.remove_column(batch.schema_ref().index_of(&refused.column).unwrap());
        }
        let table = Table::bind(&batch, &rules.columns, rules.zone).unwrap();
        let (mut people, mut notes) = (People::default(), Vec::new());
        let identity = identify(&table, 0, &rules);
        prop_assert!(is_known == 0 || identity.id == Some("e1"));
        prop_assert!(table.filled(0).count() <= rules.columns.slot_names().len());
        let Ok(event) = build(&table, 0, &rules, NOW, &mut people, &mut notes) else { return Ok(()) };
        let mut bytes = Vec::new();
        payload::write(&event, &mut bytes);
        prop_assert!(!bytes.contains(&b'\n'), "an event is one line");
        let event: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        for key in MatchKey::ALL.into_iter().filter(|key| key.is_hashed()) {
            let Some(values) = event["user_data"].get(key.wire()) else { continue };
            for value in values.as_array().unwrap() {
                let digest = value.as_str().unwrap();
                let is_digest = digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
                prop_assert!(is_digest, "{} is no digest", key.wire());
            }
        }
        let slots = rules.columns.slot_names().len();
        prop_assert!(notes.iter().all(|note| note.slot.is_none_or(|slot| usize::from(slot.0) < slots)));
    }
}

#[test]
fn a_number_means_the_same_in_whatever_width_it_comes() {
    // Snowflake sends each part of a result in the narrowest integer that holds its values.
    let columns = [
        Arc::new(Int8Array::from(vec![79])) as ArrayRef,
        Arc::new(Int16Array::from(vec![79])),
        Arc::new(Int32Array::from(vec![79])),
        Arc::new(Int64Array::from(vec![79])),
        Arc::new(Decimal128Array::from(vec![79]).with_precision_and_scale(38, 0).unwrap()),
        Arc::new(StringArray::from(vec!["79"])),
    ];
    let rules = rules();
    let payloads = columns.map(|ids| {
        let text = |text: &str| Arc::new(StringArray::from(vec![text.to_owned()])) as ArrayRef;
        let batch = RecordBatch::try_from_iter([
            ("event_id", Arc::clone(&ids)),
            ("occurred_at", text("2025-11-24 15:00:00")),
            ("facebook_event_type", text("Purchase")),
            ("person_id", Arc::clone(&ids)),
            ("value", ids),
            ("currency", text("EUR")),
        ])
        .unwrap();
        let table = Table::bind(&batch, &rules.columns, rules.zone).unwrap();
        let mut people = People::default();
        let event = build(&table, 0, &rules, NOW, &mut people, &mut Vec::new()).unwrap();
        let mut bytes = Vec::new();
        payload::write(&event, &mut bytes);
        String::from_utf8(bytes).unwrap()
    });
    assert!(payloads[0].contains(r#""event_id":"79""#) && payloads[0].contains(r#""value":79,"#), "{}", payloads[0]);
    for payload in &payloads {
        assert_eq!(*payload, payloads[0]);
    }
}
