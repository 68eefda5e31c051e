//! Makes the canonical columns of a source out of what Snowflake sent.
//!
//! Snowflake sends a number in the narrowest integer that holds the values of that part of the result, so the Arrow
//! type of a column changes within one result.
//! Source: Go driver, `converter.go`, `arrowToValues`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};
use arrow_array::{Array, ArrayRef, Int64Array, PrimitiveArray, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::fault::{Fault, Step};
use super::query::{Form, Output};
use super::shapes;
use crate::source::NATURE;

/// Converts the batches of one result.
#[derive(Debug)]
pub(super) struct Decoder {
    outputs: Vec<Output>,
    schema: SchemaRef,
}

impl Decoder {
    pub(super) fn new(outputs: Vec<Output>) -> Self {
        let fields = outputs.iter().map(|output| {
            let kind = match output.form {
                Form::Text | Form::Json => DataType::Utf8,
                Form::Microseconds => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
                Form::Integer => DataType::Int64,
            };
            let nature = HashMap::from([(NATURE.to_owned(), output.nature.word().to_owned())]);
            Field::new(&output.name, kind, true).with_metadata(nature)
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Self { outputs, schema }
    }

    /// Tells how many columns a batch must have.
    pub(super) fn column_count(&self) -> usize {
        self.outputs.len()
    }

    /// Converts a batch, or names the first column whose type is not one of those that the statement asks for.
    pub(super) fn convert(&self, batch: &RecordBatch) -> Result<RecordBatch, Fault> {
        let unreadable = |why: String| Fault::Unreadable(Step::Chunk, why);
        if batch.num_columns() != self.outputs.len() {
            return Err(unreadable(format!("{} columns instead of {}", batch.num_columns(), self.outputs.len())));
        }
        let mut columns = Vec::with_capacity(self.outputs.len());
        let given = batch.columns().iter().zip(batch.schema_ref().fields());
        for (output, (array, field)) in self.outputs.iter().zip(given) {
            let scale = field.metadata().get("scale").and_then(|scale| scale.parse().ok()).unwrap_or(0);
            let logical = field.metadata().get("logicalType").map_or("", String::as_str);
            let column = match output.form {
                Form::Text => text(array, logical, scale),
                Form::Json => text(array, logical, scale).map(|array| plain_json(array.as_string())),
                Form::Microseconds => instants(array, logical, scale).map(|array| {
                    let times = array.reinterpret_cast::<TimestampMicrosecondType>().with_timezone("UTC");
                    Arc::new(times) as ArrayRef
                }),
                Form::Integer => integers(array, scale).map(|array| Arc::new(array) as ArrayRef),
            };
            let column = column.ok_or_else(|| {
                unreadable(format!("column `{}` came as {} with scale {scale}", output.name, array.data_type()))
            })?;
            columns.push(column);
        }
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|_| unreadable("columns of different length".into()))
    }
}

/// Makes instants of an array: microseconds as the statement asks for, or a timestamp.
fn instants(array: &ArrayRef, logical: &str, scale: u8) -> Option<Int64Array> {
    shapes::microseconds(array, logical, scale).map(Int64Array::from).or_else(|| integers(array, scale))
}

/// Makes text of an array.
fn text(array: &ArrayRef, logical: &str, scale: u8) -> Option<ArrayRef> {
    if let Some(cells) = shapes::text(array, logical, scale) {
        return Some(Arc::new(StringArray::from(cells)));
    }
    // A cell of such a type that cannot be written is not taken for the number that it came as.
    if logical.starts_with("TIME") && !matches!(array.data_type(), DataType::Utf8 | DataType::Null) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Utf8 => Arc::clone(array),
        DataType::LargeUtf8 => strings(array.as_string::<i64>().iter()),
        DataType::Utf8View => strings(array.as_string_view().iter()),
        DataType::Null => Arc::new(StringArray::new_null(array.len())),
        DataType::Boolean => {
            strings(array.as_boolean().iter().map(|value| value.map(|value| if value { "true" } else { "false" })))
        }
        DataType::Float64 => written(array.as_primitive::<Float64Type>(), |value| value.to_string()),
        DataType::Int8 => written(array.as_primitive::<Int8Type>(), |value| decimal(value.into(), scale)),
        DataType::Int16 => written(array.as_primitive::<Int16Type>(), |value| decimal(value.into(), scale)),
        DataType::Int32 => written(array.as_primitive::<Int32Type>(), |value| decimal(value.into(), scale)),
        DataType::Int64 => written(array.as_primitive::<Int64Type>(), |value| decimal(value.into(), scale)),
        DataType::Decimal128(_, scale) => {
            let values = array.as_primitive::<Decimal128Type>();
            if let Ok(scale) = u8::try_from(*scale) {
                written(values, |value| decimal(value, scale))
            } else {
                let zeros = "0".repeat(scale.unsigned_abs().into());
                written(values, |value| if value == 0 { "0".into() } else { format!("{value}{zeros}") })
            }
        }
        _ => return None,
    })
}

fn strings<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn written<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, write: impl Fn(T::Native) -> String) -> ArrayRef {
    Arc::new(array.iter().map(|value| value.map(&write)).collect::<StringArray>())
}

/// Writes an unscaled integer as the decimal that it stands for, exactly.
pub(super) fn decimal(unscaled: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    match digits.split_at_checked(digits.len() - scale) {
        Some((whole, fraction)) if scale > 0 => format!("{sign}{whole}.{fraction}"),
        _ => format!("{sign}{digits}"),
    }
}

/// Makes 64-bit integers of an array of whole numbers.
fn integers(array: &ArrayRef, scale: u8) -> Option<Int64Array> {
    if let DataType::Decimal128(_, 0) = array.data_type() {
        let values = array.as_primitive::<Decimal128Type>();
        let narrowed: Option<Vec<_>> = values.iter().map(|value| value.map(i64::try_from).transpose().ok()).collect();
        return narrowed.map(Int64Array::from);
    }
    if scale != 0 {
        return None;
    }
    // Rows that came as JSON hold their numbers as text.
    if let DataType::Utf8 = array.data_type() {
        let values = array.as_string::<i32>().iter();
        let parsed: Option<Vec<_>> = values.map(|value| value.map(str::parse).transpose().ok()).collect();
        return parsed.map(Int64Array::from);
    }
    match array.data_type() {
        DataType::Boolean => Some(array.as_boolean().iter().map(|value| value.map(i64::from)).collect()),
        DataType::Null => Some(Int64Array::new_null(array.len())),
        _ => widened(array),
    }
}

/// Makes 64-bit integers of an array of integers of any width.
pub(super) fn widened(array: &ArrayRef) -> Option<Int64Array> {
    Some(match array.data_type() {
        DataType::Int8 => array.as_primitive::<Int8Type>().unary(i64::from),
        DataType::Int16 => array.as_primitive::<Int16Type>().unary(i64::from),
        DataType::Int32 => array.as_primitive::<Int32Type>().unary(i64::from),
        DataType::Int64 => array.as_primitive::<Int64Type>().clone(),
        _ => return None,
    })
}

/// Gives the first cell of an array of counts.
pub(super) fn first_count(array: &ArrayRef) -> Option<u64> {
    let counts = integers(array, 0)?;
    (counts.len() == 1 && counts.is_valid(0)).then(|| u64::try_from(counts.value(0)).ok()).flatten()
}

/// Replaces a JSON string by its content and a JSON null by nothing; lists and objects stay JSON.
fn plain_json(array: &StringArray) -> ArrayRef {
    let mut plain = StringBuilder::with_capacity(array.len(), array.value_data().len());
    for value in array {
        match value.map(str::trim) {
            None | Some("null") => plain.append_null(),
            Some(value) if value.starts_with('"') => match serde_json::from_str::<String>(value) {
                Ok(content) => plain.append_value(content),
                Err(_) => plain.append_value(value),
            },
            Some(value) => plain.append_value(value),
        }
    }
    Arc::new(plain.finish())
}

#[cfg(test)]
mod tests {
    use arrow_array::{
        BooleanArray, Decimal128Array, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, LargeStringArray,
        NullArray, StringViewArray,
    };

    use super::*;
    use crate::source::Nature;

    /// Converts a column that came with a scale and writes its cells.
    fn convert(form: Form, array: ArrayRef, scale: u8) -> Result<Vec<String>, Fault> {
        let metadata = [("scale".to_owned(), scale.to_string())].into();
        let field = Field::new("SENT", array.data_type().clone(), true).with_metadata(metadata);
        let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap();
        let decoder = Decoder::new(vec![Output { name: "asked".into(), form, nature: Nature::Text }]);
        let converted = decoder.convert(&batch)?;
        assert_eq!(converted.schema().field(0).name(), "asked");
        let column = converted.column(0);
        let cell = |row| match column.data_type() {
            _ if column.is_null(row) => "NULL".to_owned(),
            DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
            DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
            kind => {
                assert_eq!(*kind, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
                column.as_primitive::<TimestampMicrosecondType>().value(row).to_string()
            }
        };
        Ok((0..column.len()).map(cell).collect())
    }

    #[track_caller]
    fn check(form: Form, array: impl Array + 'static, scale: u8, expected: &[&str]) {
        assert_eq!(convert(form, Arc::new(array), scale).unwrap(), expected);
    }

    #[test]
    fn text_is_text_whatever_it_came_as() {
        check(Form::Text, StringArray::from(vec![Some("Ada"), None, Some("")]), 0, &["Ada", "NULL", ""]);
        check(Form::Text, LargeStringArray::from(vec![Some("Zoë 😀"), None]), 0, &["Zoë 😀", "NULL"]);
        check(
            Form::Text,
            StringViewArray::from(vec![Some("longer than twelve bytes"), None]),
            0,
            &["longer than twelve bytes", "NULL"],
        );
        check(Form::Text, NullArray::new(2), 0, &["NULL", "NULL"]);
        check(Form::Text, BooleanArray::from(vec![Some(true), Some(false), None]), 0, &["true", "false", "NULL"]);
    }

    #[test]
    fn decimals_are_exact_in_every_width() {
        check(Form::Text, Int8Array::from(vec![Some(0), Some(-5), None]), 2, &["0.00", "-0.05", "NULL"]);
        check(Form::Text, Int16Array::from(vec![12990]), 2, &["129.90"]);
        check(Form::Text, Int32Array::from(vec![-1_000_001]), 6, &["-1.000001"]);
        check(
            Form::Text,
            Int64Array::from(vec![i64::MIN, i64::MAX]),
            0,
            &["-9223372036854775808", "9223372036854775807"],
        );
        let wide = Decimal128Array::from(vec![Some(i128::MIN), Some(1), None]).with_precision_and_scale(38, 37);
        check(
            Form::Text,
            wide.unwrap(),
            0,
            &["-17.0141183460469231731687303715884105728", "0.0000000000000000000000000000000000001", "NULL"],
        );
    }

    #[test]
    fn decimals_may_have_a_negative_scale() {
        let wide = Decimal128Array::from(vec![Some(12), Some(-12), Some(0), None]).with_precision_and_scale(10, -3);
        check(Form::Text, wide.unwrap(), 0, &["12000", "-12000", "0", "NULL"]);
        let most = 99_999_999_999_999_999_999_999_999_999_999_999_999_i128;
        let wide = Decimal128Array::from(vec![most, -most]).with_precision_and_scale(38, 0).unwrap();
        check(Form::Text, wide, 0, &[&most.to_string(), &(-most).to_string()]);
    }

    #[test]
    fn timestamps_are_instants_and_what_cannot_be_one_is_no_number() {
        let named = |logical: &str, scale: u8, array: ArrayRef, form| {
            let metadata =
                [("scale".to_owned(), scale.to_string()), ("logicalType".to_owned(), logical.to_owned())].into();
            let field = Field::new("SENT", array.data_type().clone(), true).with_metadata(metadata);
            let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap();
            let decoder = Decoder::new(vec![Output { name: "asked".into(), form, nature: Nature::Text }]);
            decoder.convert(&batch).map(|batch| Arc::clone(batch.column(0)))
        };
        let millis = || Arc::new(Int64Array::from(vec![Some(-1), None])) as ArrayRef;
        let found = named("TIMESTAMP_NTZ", 3, millis(), Form::Microseconds).unwrap();
        let found = found.as_primitive::<TimestampMicrosecondType>();
        assert_eq!((found.value(0), found.is_null(1)), (-1_000, true));
        let found = named("TIMESTAMP_LTZ", 3, millis(), Form::Text).unwrap();
        assert_eq!(found.as_string::<i32>().value(0), "1969-12-31T23:59:59.999+00:00");
        assert!(named("TIME", 0, millis(), Form::Text).is_err());
    }

    #[test]
    fn floats_read_back_as_the_same_float() {
        check(
            Form::Text,
            Float64Array::from(vec![Some(0.1), Some(129.9), Some(1e21), Some(-0.0), None]),
            0,
            &["0.1", "129.9", "1000000000000000000000", "-0", "NULL"],
        );
        let third = 1.0_f64 / 3.0;
        let text = convert(Form::Text, Arc::new(Float64Array::from(vec![third])), 0).unwrap();
        assert_eq!(text[0].parse::<f64>().unwrap().to_bits(), third.to_bits());
    }

    #[test]
    fn json_strings_stand_for_their_content() {
        let cells =
            [r#""plain""#, r#""\u00e9\n\"x\"""#, "null", r#"["a","b"]"#, r#"{"k":1}"#, "12.50", "true", r#""torn"#];
        let expected = ["plain", "é\n\"x\"", "NULL", r#"["a","b"]"#, r#"{"k":1}"#, "12.50", "true", r#""torn"#];
        check(Form::Json, StringArray::from(cells.to_vec()), 0, &expected);
        check(Form::Json, StringArray::from(vec![None::<&str>, Some(r#""null""#)]), 0, &["NULL", "null"]);
    }

    #[test]
    fn times_and_counts_come_in_every_width() {
        for form in [Form::Microseconds, Form::Integer] {
            check(form, Int8Array::from(vec![Some(-1), None]), 0, &["-1", "NULL"]);
            check(form, Int16Array::from(vec![300]), 0, &["300"]);
            check(form, Int32Array::from(vec![70_000]), 0, &["70000"]);
            check(form, Int64Array::from(vec![1_795_446_000_123_456]), 0, &["1795446000123456"]);
            check(form, NullArray::new(1), 0, &["NULL"]);
            check(form, StringArray::from(vec![Some("1795446000123456"), None]), 0, &["1795446000123456", "NULL"]);
            check(form, BooleanArray::from(vec![true, false]), 0, &["1", "0"]);
            let wide = Decimal128Array::from(vec![Some(1_795_446_000_123_456), None]);
            check(form, wide.with_precision_and_scale(38, 0).unwrap(), 0, &["1795446000123456", "NULL"]);
        }
    }

    #[test]
    fn what_was_not_asked_for_is_named_by_column_and_type() {
        let too_large = Decimal128Array::from(vec![i128::MAX]).with_precision_and_scale(38, 0).unwrap();
        for (form, array, scale, expected) in [
            (
                Form::Text,
                Arc::new(Float32Array::from(vec![1.5])) as ArrayRef,
                0,
                "column `asked` came as Float32 with scale 0",
            ),
            (Form::Microseconds, Arc::new(Int64Array::from(vec![1])), 3, "column `asked` came as Int64 with scale 3"),
            (Form::Integer, Arc::new(StringArray::from(vec!["x"])), 0, "column `asked` came as Utf8 with scale 0"),
            (Form::Integer, Arc::new(too_large), 0, "column `asked` came as Decimal128(38, 0) with scale 0"),
        ] {
            assert_eq!(convert(form, array, scale), Err(Fault::Unreadable(Step::Chunk, expected.into())));
        }
    }
}
