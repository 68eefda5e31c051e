//! Which types of columns can feed what: told before a row is read, where a type never can.

use super::columns::Columns;
use super::field::Field;
use super::value::Kind;
use crate::source::Reading;

/// What a field or key takes, as far as a column's type can speak against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// A point in time.
    Instant,
    /// A calendar date.
    Day,
    /// A number.
    Number,
    /// A yes or no.
    Flag,
    /// What tells who it was: text, or a number that reads like it.
    Person,
    /// Words.
    Words,
    /// Whatever there is.
    Anything,
}

impl Columns {
    /// What each slot takes, in their order.
    pub fn slot_wants(&self) -> Vec<Want> {
        let fields = self.fields().map(of_field);
        let custom = self.custom().iter().map(|field| of_value(field.kind));
        let parts = self.parts().iter().map(|part| part.key.map_or(Want::Anything, |(_, kind)| of_value(kind)));
        fields.chain(custom).chain(parts).collect()
    }
}

/// What a field takes.
pub(super) fn of_field(field: Field) -> Want {
    match (field, field.reading()) {
        (_, Reading::Time) => Want::Instant,
        (_, Reading::Date) => Want::Day,
        (Field::OptOut | Field::Consent | Field::DataProcessingOptions, Reading::Text) => Want::Flag,
        (_, Reading::Hashed(_))
        | (Field::PersonId | Field::FullName | Field::Fbclid | Field::Match(_), Reading::Text) => Want::Person,
        (
            Field::EventId
            | Field::EventTime
            | Field::EventName
            | Field::SourceName
            | Field::ActionSource
            | Field::EventSourceUrl
            | Field::ReferrerUrl
            | Field::DataProcessingCountry
            | Field::DataProcessingState
            | Field::MessagingChannel
            | Field::AdvancedMeasurementTable
            | Field::FbclidTime,
            Reading::Text,
        ) => Want::Words,
    }
}

fn of_value(kind: Kind) -> Want {
    match kind {
        Kind::Number | Kind::Whole => Want::Number,
        Kind::Time => Want::Instant,
        Kind::Flag => Want::Flag,
        Kind::Text | Kind::Currency | Kind::Choice(_) => Want::Words,
        Kind::Own | Kind::Texts | Kind::Json | Kind::Extinfo | Kind::Products => Want::Anything,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::columns::Origin;
    use crate::event::object::Object;
    use crate::event::preset::Preset;

    #[test]
    fn every_slot_wants_something() {
        let mut columns = Columns::new(Preset::FacebookEvents);
        assert!(columns.set("consent", Origin::Column("may_send".into())));
        assert!(columns.set("content_ids", Origin::Column("skus".into())));
        assert!(columns.set_part(Object::Contents, "quantity", Origin::Column("n".into())));
        let wants: Vec<(String, Want)> = columns.slot_names().into_iter().zip(columns.slot_wants()).collect();
        assert_eq!(columns.slot_names().len(), columns.slot_wants().len());
        let check = |name: &str, expected: Want| {
            let want = wants.iter().find(|(known, _)| known == name).map(|(_, want)| *want);
            assert_eq!(want, Some(expected), "{name}");
        };
        check("event_id", Want::Words);
        check("event_time", Want::Instant);
        check("fbclid_time", Want::Instant);
        check("date_of_birth", Want::Day);
        check("email", Want::Person);
        check("person_id", Want::Person);
        check("consent", Want::Flag);
        check("value", Want::Number);
        check("currency", Want::Words);
        check("content_ids", Want::Anything);
    }
}
