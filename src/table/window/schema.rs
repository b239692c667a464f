//! What the columns of a window are, as its file says.

use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::schema::types::Type;

/// A column of a window, or a field within one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WindowColumn {
    /// Its name, which other columns may share.
    pub(crate) name: String,
    /// How its values are stored, in parquet's words: `INT64`, `BYTE_ARRAY`, and
    /// `FIXED_LEN_BYTE_ARRAY(16)` with its length; `GROUP` for lists, structs and maps.
    pub(crate) physical: String,
    /// What they stand for, in parquet's words: `JSON`, `TIMESTAMP(NANOS,UTC)`, `INT(8,unsigned)`,
    /// `LIST`; none if that is not said.
    pub(crate) logical: Option<String>,
    /// How often it is there.
    pub(crate) occurs: Occurs,
    /// The fields within it, if it is a list, a struct or a map.
    pub(crate) fields: Vec<WindowColumn>,
}

/// How often a value is there for each of what it is within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occurs {
    /// Always.
    Once,
    /// It may be null.
    AtMostOnce,
    /// Any number of times, as the items of a list.
    Repeated,
}

/// Returns what the columns below `group` are.
pub(super) fn columns_of(group: &Type) -> Vec<WindowColumn> {
    let fields = if group.is_group() { group.get_fields() } else { &[] };
    fields.iter().map(|field| column(field)).collect()
}

fn column(field: &Type) -> WindowColumn {
    let info = field.get_basic_info();
    let occurs = match info.has_repetition().then(|| info.repetition()) {
        Some(Repetition::REQUIRED) | None => Occurs::Once,
        Some(Repetition::OPTIONAL) => Occurs::AtMostOnce,
        Some(Repetition::REPEATED) => Occurs::Repeated,
    };
    WindowColumn {
        name: field.name().to_owned(),
        physical: physical(field),
        logical: logical(field),
        occurs,
        fields: columns_of(field),
    }
}

fn physical(field: &Type) -> String {
    match field {
        Type::GroupType { .. } => "GROUP".to_owned(),
        Type::PrimitiveType {
            physical_type: Physical::FIXED_LEN_BYTE_ARRAY, type_length, ..
        } => format!("FIXED_LEN_BYTE_ARRAY({type_length})"),
        // Some writers say a length of numbers, too.
        Type::PrimitiveType { physical_type, .. } => physical_type.to_string(),
    }
}

fn logical(field: &Type) -> Option<String> {
    let info = field.get_basic_info();
    let clock = |is_utc: bool| if is_utc { ",UTC" } else { "" };
    Some(match info.logical_type_ref() {
        Some(LogicalType::String) => "STRING".into(),
        Some(LogicalType::Json) => "JSON".into(),
        Some(LogicalType::Integer(int)) => {
            let sign = if int.is_signed { "signed" } else { "unsigned" };
            format!("INT({},{sign})", int.bit_width)
        }
        Some(LogicalType::Decimal(it)) => format!("DECIMAL({},{})", it.precision, it.scale),
        Some(LogicalType::Timestamp(it)) => {
            format!("TIMESTAMP({}{})", unit(it.unit), clock(it.is_adjusted_to_u_t_c))
        }
        Some(LogicalType::Time(it)) => {
            format!("TIME({}{})", unit(it.unit), clock(it.is_adjusted_to_u_t_c))
        }
        Some(other) => format!("{other:?}").to_uppercase(),
        None => match info.converted_type() {
            ConvertedType::NONE => return None,
            other => other.to_string(),
        },
    })
}

fn unit(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::MILLIS => "MILLIS",
        TimeUnit::MICROS => "MICROS",
        TimeUnit::NANOS => "NANOS",
    }
}
