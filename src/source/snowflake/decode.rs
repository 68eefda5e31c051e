//! Makes the canonical columns of a source out of what Snowflake sent.
//!
//! Snowflake sends a number in the narrowest integer that holds the values of that part of the result, so the Arrow
//! type of a column changes within one result.
//! Source: Go driver, `converter.go`, `arrowToValues`.

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
            Field::new(&output.name, kind, true)
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Self { outputs, schema }
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
            let column = match output.form {
                Form::Text => text(array, scale),
                Form::Json => text(array, scale).map(|array| plain_json(array.as_string())),
                Form::Microseconds => integers(array, scale).map(|array| {
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

/// Makes text of an array.
fn text(array: &ArrayRef, scale: u8) -> Option<ArrayRef> {
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
            let scale = u8::try_from(*scale).ok()?;
            written(array.as_primitive::<Decimal128Type>(), |value| decimal(value, scale))
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
fn decimal(unscaled: i128, scale: u8) -> String {
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
    Some(match array.data_type() {
        DataType::Int8 => array.as_primitive::<Int8Type>().unary(i64::from),
        DataType::Int16 => array.as_primitive::<Int16Type>().unary(i64::from),
        DataType::Int32 => array.as_primitive::<Int32Type>().unary(i64::from),
        DataType::Int64 => array.as_primitive::<Int64Type>().clone(),
        DataType::Boolean => array.as_boolean().iter().map(|value| value.map(i64::from)).collect(),
        DataType::Null => Int64Array::new_null(array.len()),
        _ => return None,
    })
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
