//! Which column of the table feeds which field of an event.

use super::field::Field;
use super::object::{DELIVERY_CATEGORIES, Object};
use super::preset::Preset;
use super::value::Kind;
use crate::meta::normalize::Country;
use crate::meta::{KeySet, MatchKey};
use crate::source::{ColumnRequest, HashedField, Need, Reading};

/// The ways in which a customer can be new or known. Source: Conversions API, server event parameters.
const SEGMENTATIONS: &[&str] = &[
    "new_customer_to_business",
    "new_customer_to_business_line",
    "new_customer_to_product_area",
    "new_customer_to_medium",
    "existing_customer_to_business",
    "existing_customer_to_business_line",
    "existing_customer_to_product_area",
    "existing_customer_to_medium",
    "customer_in_loyalty_program",
];

/// Keys of `custom_data` that `[columns]` takes beside the fields, and how their values are written.
///
/// Source: Conversions API, custom data parameters and offline events. `customer_segmentation` stands here because
/// Meta's example has it in `custom_data`, where no key is refused.
pub const CUSTOM_KEYS: [(&str, Kind); 15] = [
    ("value", Kind::Number),
    ("currency", Kind::Currency),
    ("content_type", Kind::Text),
    ("content_name", Kind::Text),
    ("content_category", Kind::Text),
    ("content_ids", Kind::Texts),
    ("order_id", Kind::Text),
    ("num_items", Kind::Whole),
    ("predicted_ltv", Kind::Number),
    ("net_revenue", Kind::Number),
    ("search_string", Kind::Text),
    ("status", Kind::Own),
    ("delivery_category", Kind::Choice(DELIVERY_CATEGORIES)),
    ("item_number", Kind::Text),
    ("customer_segmentation", Kind::Choice(SEGMENTATIONS)),
];

/// Where a field's value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A column that the configuration names.
    Column(String),
    /// A column that a preset names, which the table may lack.
    Preset(String),
    /// The same value for every row.
    Constant(String),
}

impl Origin {
    /// The column's name, if it is one.
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::Column(name) | Self::Preset(name) => Some(name),
            Self::Constant(_) => None,
        }
    }
}

/// Where customer data is normalised and hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HashIn {
    /// On this machine.
    #[default]
    Client,
    /// In the warehouse, of which no clear value leaves.
    Warehouse,
}

/// Whether a value that looks like personal data may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Personal {
    /// It is left out.
    Refused,
    /// The owner says that it is none.
    Denied,
}

/// A key of `custom_data` and where its value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomField {
    /// The key on the wire.
    pub key: String,
    /// How its value is written.
    pub kind: Kind,
    /// Where it comes from.
    pub origin: Origin,
    /// Whether it may look like personal data.
    pub personal: Personal,
}

/// A key of an object within the event, or the whole object as JSON, and where its value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The object.
    pub object: Object,
    /// The key and how its value is written; nothing for the whole object.
    pub key: Option<(&'static str, Kind)>,
    /// Where it comes from.
    pub origin: Origin,
}

/// The place of a field, key or part among all that are fed, by which it is known in what a row left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u16);

/// What is fed, from where, and how it is to be read.
#[derive(Debug, Clone, Copy)]
struct Feed<'a> {
    origin: &'a Origin,
    reading: Reading,
    is_required: bool,
}

/// Which column or constant feeds which field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    fields: Vec<(Field, Origin)>,
    custom: Vec<CustomField>,
    parts: Vec<Part>,
    excluded: KeySet,
    hash_in: HashIn,
}

impl Columns {
    /// Starts from the columns of a preset.
    pub fn new(preset: Preset) -> Self {
        let mut columns = Self {
            fields: Vec::new(),
            custom: Vec::new(),
            parts: Vec::new(),
            excluded: KeySet::default(),
            hash_in: HashIn::Client,
        };
        for (name, column) in preset.fields() {
            columns.set(name, Origin::Preset((*column).to_owned()));
        }
        columns
    }

    /// Feeds a field, a known key of `custom_data` or a whole object from `origin`; says whether the name is known.
    pub fn set(&mut self, name: &str, origin: Origin) -> bool {
        if let Some(field) = Field::parse(name) {
            match self.fields.iter_mut().find(|(known, _)| *known == field) {
                Some((_, old)) => *old = origin,
                None => self.fields.push((field, origin)),
            }
            return true;
        }
        if let Some(object) = Object::parse(name) {
            self.parts.retain(|part| part.object != object);
            self.parts.push(Part { object, key: None, origin });
            return true;
        }
        let known = CUSTOM_KEYS.iter().find(|(key, _)| *key == name);
        if let Some((key, kind)) = known {
            let (key, kind) = ((*key).to_owned(), *kind);
            self.set_custom(CustomField { key, kind, origin, personal: Personal::Refused });
        }
        known.is_some()
    }

    /// Feeds a key of `custom_data`.
    pub fn set_custom(&mut self, field: CustomField) {
        match self.custom.iter_mut().find(|known| known.key == field.key) {
            Some(known) => *known = field,
            None => self.custom.push(field),
        }
    }

    /// Feeds a key of an object, and no longer the object as a whole; says whether the object has such a key.
    pub fn set_part(&mut self, object: Object, key: &str, origin: Origin) -> bool {
        let Some(key) = object.kind(key) else { return false };
        self.parts.retain(|part| part.object != object || part.key.is_some_and(|known| known.0 != key.0));
        self.parts.push(Part { object, key: Some(key), origin });
        true
    }

    /// Feeds a field no longer.
    pub fn unset(&mut self, field: Field) {
        self.fields.retain(|(known, _)| *known != field);
    }

    /// Makes sure that a field, key or object never leaves, whatever feeds it; says whether the name is known.
    pub fn exclude(&mut self, name: &str) -> bool {
        if let Some(field) = Field::parse(name) {
            self.fields.retain(|(known, _)| *known != field && !field.with_it().contains(known));
            if let Field::Match(key) = field {
                self.excluded.insert(key);
            }
            if self.is_excluded(MatchKey::Fn) && self.is_excluded(MatchKey::Ln) {
                self.unset(Field::FullName);
            }
            return true;
        }
        if let Some((object, key)) = name.split_once('.')
            && let Some(object) = Object::parse(object)
        {
            // Out of an object that comes as a whole nothing can be taken here.
            let is_whole = self.parts.iter().any(|part| part.object == object && part.key.is_none());
            self.parts.retain(|part| part.object != object || part.key.is_none_or(|known| known.0 != key));
            return object.kind(key).is_some() && !is_whole;
        }
        let is_key = CUSTOM_KEYS.iter().any(|(key, _)| *key == name) || self.custom.iter().any(|own| own.key == name);
        self.custom.retain(|field| field.key != name);
        let object = Object::parse(name);
        self.parts.retain(|part| Some(part.object) != object);
        is_key || object.is_some()
    }

    /// Has customer data hashed somewhere else.
    pub fn hash_in(&mut self, place: HashIn) {
        self.hash_in = place;
    }

    /// Where customer data is hashed.
    pub fn hashes_in(&self) -> HashIn {
        self.hash_in
    }

    /// The digests that the warehouse makes of a field's column; none where the field is hashed here or not at all.
    pub fn hashed_in_warehouse(&self, field: Field) -> &'static [HashedField] {
        let is_column = self.origin(field).is_some_and(|origin| origin.column().is_some());
        match self.hash_in {
            HashIn::Warehouse if is_column => field.digests(),
            HashIn::Warehouse | HashIn::Client => &[],
        }
    }

    /// What leaves in the clear of a column that the warehouse hashes: its name, the hashed field, and the column.
    pub fn clear_beside_hashed(&self) -> Vec<(String, &'static str, &str)> {
        let hashed = || self.fields.iter().filter(|(field, _)| !self.hashed_in_warehouse(*field).is_empty());
        let mut found = Vec::new();
        for (at, (name, origin)) in self.slot_names().into_iter().zip(self.slot_origins()).enumerate() {
            let field = self.fields.get(at).map(|(field, _)| *field);
            let Some(column) = origin.column() else { continue };
            if field.is_some_and(|field| !self.hashed_in_warehouse(field).is_empty()) {
                continue;
            }
            // Snowflake may take two spellings for one column.
            let is_same =
                |origin: &Origin| origin.column().is_some_and(|other| other.to_lowercase() == column.to_lowercase());
            found.extend(hashed().find(|(_, origin)| is_same(origin)).map(|(field, _)| (name, field.name(), column)));
        }
        found
    }

    /// The country of every row, where the configuration names it.
    pub fn country(&self) -> Option<Country> {
        match self.origin(Field::Match(MatchKey::Country)) {
            Some(Origin::Constant(country)) => Country::parse(country),
            Some(Origin::Column(_) | Origin::Preset(_)) | None => None,
        }
    }

    /// Whether a match key never leaves.
    pub fn is_excluded(&self, key: MatchKey) -> bool {
        self.excluded.contains(key)
    }

    /// Where a field's value comes from, if from anywhere.
    pub fn origin(&self, field: Field) -> Option<&Origin> {
        self.fields.iter().find(|(known, _)| *known == field).map(|(_, origin)| origin)
    }

    /// The fields that are fed.
    pub fn fields(&self) -> impl Iterator<Item = Field> {
        self.fields.iter().map(|(field, _)| *field)
    }

    /// The keys of `custom_data`, in the order in which they are written.
    pub fn custom(&self) -> &[CustomField] {
        &self.custom
    }

    /// The keys of objects.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The slot of a field, if anything feeds it.
    pub fn slot(&self, field: Field) -> Option<Slot> {
        self.fields.iter().position(|(known, _)| *known == field).map(slot)
    }

    /// The slot of a key of `custom_data`, by its place in [`Columns::custom`].
    pub fn custom_slot(&self, index: usize) -> Slot {
        slot(self.fields.len() + index)
    }

    /// The slot of a part, by its place in [`Columns::parts`].
    pub fn part_slot(&self, index: usize) -> Slot {
        slot(self.fields.len() + self.custom.len() + index)
    }

    /// The names of all slots, in their order: as they stand in `[columns]`, with a dot before the key of an object.
    pub fn slot_names(&self) -> Vec<String> {
        let fields = self.fields.iter().map(|(field, _)| field.name().to_owned());
        let custom = self.custom.iter().map(|field| field.key.clone());
        let parts = self.parts.iter().map(|part| match part.key {
            Some((key, _)) => format!("{}.{key}", part.object.wire()),
            None => part.object.wire().to_owned(),
        });
        fields.chain(custom).chain(parts).collect()
    }

    /// Where what fills each slot comes from, in their order.
    pub fn slot_origins(&self) -> impl Iterator<Item = &Origin> {
        let fields = self.fields.iter().map(|(_, origin)| origin);
        let custom = self.custom.iter().map(|field| &field.origin);
        fields.chain(custom).chain(self.parts.iter().map(|part| &part.origin))
    }

    fn feeds(&self) -> impl Iterator<Item = Feed<'_>> {
        let fields = self.fields.iter().flat_map(|(field, origin)| {
            // The name at the source serves where the model has not mapped it.
            let is_required =
                field.is_required() && (*field != Field::EventName || self.origin(Field::SourceName).is_none());
            let hashed = self.hashed_in_warehouse(*field);
            let whole = hashed.is_empty().then(|| field.reading());
            let readings = whole.into_iter().chain(hashed.iter().copied().map(Reading::Hashed));
            readings.map(move |reading| Feed { origin, reading, is_required })
        });
        let custom =
            self.custom.iter().map(|field| Feed { origin: &field.origin, reading: Reading::Text, is_required: false });
        let parts = self.parts.iter().map(|part| Feed {
            origin: &part.origin,
            reading: if matches!(part.key, Some((_, Kind::Time))) { Reading::Time } else { Reading::Text },
            is_required: false,
        });
        fields.chain(custom).chain(parts)
    }

    /// The columns to ask a source for, each once; and once for each digest that it makes.
    pub fn requests(&self) -> Vec<ColumnRequest> {
        let mut requests: Vec<ColumnRequest> = Vec::new();
        for Feed { origin, reading, is_required } in self.feeds() {
            let (name, need) = match origin {
                Origin::Column(name) => (name, Need::Required),
                Origin::Preset(name) if is_required => (name, Need::Required),
                Origin::Preset(name) => (name, Need::IfPresent),
                Origin::Constant(_) => continue,
            };
            let is_same = |request: &ColumnRequest| {
                request.name.eq_ignore_ascii_case(name)
                    && !matches!((request.reading, reading), (Reading::Hashed(_), _) | (_, Reading::Hashed(_)))
            };
            match requests.iter_mut().find(|request| is_same(request)) {
                Some(request) if need == Need::Required => request.need = need,
                Some(_) => {}
                None => requests.push(ColumnRequest { name: name.clone(), reading, need }),
            }
        }
        requests
    }

    /// The columns that hold match keys.
    pub fn match_columns(&self) -> Vec<String> {
        let keys = self.fields.iter().filter(|(field, _)| field.is_match_key());
        keys.filter_map(|(_, origin)| origin.column().map(str::to_owned)).collect()
    }
}

fn slot(index: usize) -> Slot {
    Slot(u16::try_from(index).unwrap_or(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_asks_only_for_what_it_sends() {
        let mut columns = Columns::new(Preset::FacebookEvents);
        columns.unset(Field::SourceName);
        let requests = columns.requests();
        let names: Vec<&str> = requests.iter().map(|request| request.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "event_id",
                "occurred_at",
                "facebook_event_type",
                "email",
                "phone",
                "first_name",
                "last_name",
                "full_name",
                "date_of_birth",
                "external_id",
                "person_id",
                "fbclid",
                "fbclid_occurred_at",
                "value",
                "currency",
                "facebook_content_type"
            ]
        );
        let required: Vec<&str> =
            requests.iter().filter(|r| r.need == Need::Required).map(|r| r.name.as_str()).collect();
        assert_eq!(required, ["event_id", "occurred_at", "facebook_event_type"]);
    }

    #[test]
    fn a_configured_column_is_needed_and_asked_for_once() {
        let mut columns = Columns::new(Preset::FacebookEvents);
        assert!(columns.set("email", Origin::Column("EVENT_ID".into())));
        assert!(columns.set("order_id", Origin::Column("order_no".into())));
        assert!(columns.set("currency", Origin::Constant("EUR".into())));
        assert!(!columns.set("e-mail", Origin::Constant("x".into())));
        let requests = columns.requests();
        assert_eq!(requests.iter().filter(|r| r.name.eq_ignore_ascii_case("event_id")).count(), 1);
        assert!(requests.iter().any(|r| r.name == "order_no" && r.need == Need::Required));
        assert!(!requests.iter().any(|r| r.name == "currency"));
    }

    #[test]
    fn an_object_is_fed_as_a_whole_or_key_by_key() {
        let mut columns = Columns::new(Preset::FacebookEvents);
        assert!(columns.set("app_data", Origin::Column("app".into())));
        assert!(columns.set_part(Object::AppData, "extinfo", Origin::Column("device".into())));
        assert!(columns.set_part(Object::AppData, "extinfo", Origin::Column("device2".into())));
        assert!(!columns.set_part(Object::AppData, "colour", Origin::Column("c".into())));
        let fed: Vec<_> = columns.parts().iter().filter_map(|part| part.origin.column()).collect();
        assert_eq!(fed, ["device2"]);
        assert_eq!(columns.slot_names().last().map(String::as_str), Some("app_data.extinfo"));
        assert!(columns.set("app_data", Origin::Column("app".into())));
        assert_eq!(columns.slot_names().last().map(String::as_str), Some("app_data"));
        assert_eq!(columns.part_slot(0), Slot(u16::try_from(columns.slot_names().len() - 1).unwrap()));
    }

    #[test]
    fn what_is_excluded_is_not_even_read() {
        let names = |excluded: &[&str]| {
            let mut columns = Columns::new(Preset::FacebookEvents);
            for name in excluded {
                assert!(columns.exclude(name), "{name}");
            }
            columns.requests().into_iter().map(|request| request.name).collect::<Vec<_>>()
        };
        let lacks = |excluded: &[&str], gone: &[&str]| {
            let left = names(excluded);
            assert!(gone.iter().all(|name| !left.iter().any(|left| left == name)), "{excluded:?}: {left:?}");
            assert_eq!(left.len() + gone.len(), names(&[]).len(), "{excluded:?}: {left:?}");
        };
        lacks(&["date_of_birth"], &["date_of_birth"]);
        lacks(&["external_id"], &["external_id", "person_id"]);
        lacks(&["fbc"], &["fbclid", "fbclid_occurred_at"]);
        lacks(&["fn"], &["first_name"]);
        lacks(&["fn", "last_name"], &["first_name", "last_name", "full_name"]);
        lacks(&["value", "contents"], &["value"]);
        let mut columns = Columns::new(Preset::FacebookEvents);
        assert!(columns.set_part(Object::Contents, "id", Origin::Column("sku".into())));
        assert!(columns.exclude("contents.id") && !columns.exclude("contents.colour"));
        assert!(columns.parts().is_empty());
        assert!(!Columns::new(Preset::FacebookEvents).exclude("colour"));
    }
}
