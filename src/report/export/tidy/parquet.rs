//! Apache Parquet.

use std::sync::Arc;

use parquet::basic::{ConvertedType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::{Column, Values};
use crate::error::{Error, Result};

pub(super) fn bytes(columns: &[Column]) -> Result<Vec<u8>> {
    write(columns).map_err(|e| Error::invalid(format!("as Parquet: {e}")))
}

fn write(columns: &[Column]) -> std::result::Result<Vec<u8>, ParquetError> {
    let fields = columns.iter().map(|column| field(column).map(Arc::new)).collect::<std::result::Result<_, _>>()?;
    let schema = Arc::new(Type::group_type_builder("schema").with_fields(fields).build()?);
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(WriterProperties::default()))?;
    let mut group = writer.next_row_group()?;
    for column in columns {
        match &column.values {
            Values::Text(values) => {
                let bytes = |text: &String| ByteArray::from(text.as_str());
                values_of::<ByteArrayType, _>(&mut group, values, bytes)?;
            }
            Values::Integer(values) => values_of::<Int64Type, _>(&mut group, values, |&value| value as i64)?,
            Values::Real(values) => values_of::<DoubleType, _>(&mut group, values, |&value| value)?,
        }
    }
    group.close()?;
    writer.into_inner()
}

/// An optional column.
fn field(column: &Column) -> std::result::Result<Type, ParquetError> {
    let (physical, converted) = match column.values {
        Values::Text(_) => (Physical::BYTE_ARRAY, ConvertedType::UTF8),
        // Bit patterns of u64: seeds may use all bits.
        Values::Integer(_) => (Physical::INT64, ConvertedType::UINT_64),
        Values::Real(_) => (Physical::DOUBLE, ConvertedType::NONE),
    };
    let builder = Type::primitive_type_builder(&column.name, physical);
    builder.with_repetition(Repetition::OPTIONAL).with_converted_type(converted).build()
}

/// Writes the next column: its values, and for each row whether it has one.
fn values_of<D: DataType, T>(
    group: &mut SerializedRowGroupWriter<Vec<u8>>,
    values: &[Option<T>],
    convert: impl Fn(&T) -> D::T,
) -> std::result::Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("more columns than the schema has".to_owned()));
    };
    let present: Vec<D::T> = values.iter().flatten().map(convert).collect();
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    column.typed::<D>().write_batch(&present, Some(&levels), None)?;
    column.close()
}
