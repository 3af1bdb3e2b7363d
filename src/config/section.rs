//! A typed reader over a parsed TOML document that collects all problems instead of stopping at the first.
//!
//! Promises: every value comes with its place; a key that isn't read is reported with the nearest known one.
//! Doesn't: know which keys exist or what values mean.

use toml::de::{DeTable, DeValue};

use super::environment::{Environment, substitute};
use super::field::{At, Field};
use super::nearest::nearest;
use super::problem::{Place, Problems};

/// The context of reading besides the document.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) problems: &'a Problems,
    pub(super) environment: Environment<'a>,
}

/// A table of the document; keys are removed as they are read, and those left are unknown.
pub(super) struct Section<'a> {
    table: DeTable<'a>,
    place: Place,
    asked: Vec<&'static str>,
    context: Context<'a>,
}

impl<'a> Section<'a> {
    /// Reads a table with `read`, then reports the keys that it didn't read.
    pub(super) fn read<T>(
        table: DeTable<'a>,
        place: Place,
        context: Context<'a>,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let mut section = Self {
            table,
            place,
            asked: Vec::new(),
            context,
        };
        let result = read(&mut section);
        section.report_unknown();
        result
    }

    /// Reads a string; `${NAME}` is replaced from the environment.
    pub(super) fn text(&mut self, key: &'static str) -> Field<String> {
        let context = self.context;
        self.field(key, |value, place| context.text(value, place))
    }

    /// Reads an integer.
    pub(super) fn integer(&mut self, key: &'static str) -> Field<i64> {
        let context = self.context;
        self.field(key, |value, place| match value {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_err(|_| context.problems.add(place, "number too large"))
                .ok(),
            other => context.wrong_type(place, "an integer", &other),
        })
    }

    /// Reads a boolean.
    pub(super) fn boolean(&mut self, key: &'static str) -> Field<bool> {
        let context = self.context;
        self.field(key, |value, place| match value {
            DeValue::Boolean(value) => Some(value),
            other => context.wrong_type(place, "a boolean", &other),
        })
    }

    /// Reads a list of strings; invalid elements are reported and left out.
    pub(super) fn texts(&mut self, key: &'static str) -> Field<Vec<At<String>>> {
        let context = self.context;
        self.field(key, |value, place| match value {
            DeValue::Array(elements) => Some(
                elements
                    .into_iter()
                    .enumerate()
                    .filter_map(|(index, element)| {
                        let place = place.element(index, element.span().start);
                        let value = context.text(element.into_inner(), &place)?;
                        Some(At { value, place })
                    })
                    .collect(),
            ),
            other => context.wrong_type(place, "a list of strings", &other),
        })
    }

    /// Reads a table of strings with arbitrary keys.
    pub(super) fn pairs(&mut self, key: &'static str) -> Vec<(At<String>, At<String>)> {
        let context = self.context;
        self.entries(key)
            .into_iter()
            .filter_map(|(name, value)| {
                let place = name.place.clone();
                let value = context.text(value, &place)?;
                Some((name, At { value, place }))
            })
            .collect()
    }

    /// Reads sections with arbitrary names.
    pub(super) fn named<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&mut Section<'a>) -> T,
    ) -> Vec<(At<String>, T)> {
        let context = self.context;
        self.entries(key)
            .into_iter()
            .filter_map(|(name, value)| {
                let table = context.table(value, &name.place)?;
                let place = name.place.clone();
                Some((name, Section::read(table, place, context, &read)))
            })
            .collect()
    }

    /// Reads an optional section.
    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'a>) -> T,
    ) -> Option<T> {
        let context = self.context;
        let (place, value) = self.take_with_key(key)?;
        let table = context.table(value, &place)?;
        Some(Section::read(table, place, context, read))
    }

    /// Reads a list of sections (`[[...]]`).
    pub(super) fn sections<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&mut Section<'a>) -> T,
    ) -> Vec<T> {
        let context = self.context;
        let Some((place, value)) = self.take_with_key(key) else {
            return Vec::new();
        };
        let DeValue::Array(elements) = value else {
            context.wrong_type::<()>(&place, "a list of sections", &value);
            return Vec::new();
        };
        elements
            .into_iter()
            .enumerate()
            .filter_map(|(index, element)| {
                let place = place.element(index, element.span().start);
                let table = context.table(element.into_inner(), &place)?;
                Some(Section::read(table, place, context, &read))
            })
            .collect()
    }

    /// The place of this section.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    fn field<T>(
        &mut self,
        key: &'static str,
        pick: impl FnOnce(DeValue<'a>, &Place) -> Option<T>,
    ) -> Field<T> {
        self.asked.push(key);
        let Some(value) = self.table.remove(key) else {
            return Field::Absent;
        };
        let place = self.place.key(key, value.span().start);
        match pick(value.into_inner(), &place) {
            Some(value) => Field::Given(At { value, place }),
            None => Field::Bad,
        }
    }

    fn take_with_key(&mut self, key: &'static str) -> Option<(Place, DeValue<'a>)> {
        self.asked.push(key);
        let (name, value) = self.table.remove_entry(key)?;
        Some((self.place.key(key, name.span().start), value.into_inner()))
    }

    fn entries(&mut self, key: &'static str) -> Vec<(At<String>, DeValue<'a>)> {
        let context = self.context;
        let Some((place, value)) = self.take_with_key(key) else {
            return Vec::new();
        };
        let Some(table) = context.table(value, &place) else {
            return Vec::new();
        };
        table
            .into_iter()
            .map(|(name, entry)| {
                let place = place.key(name.get_ref(), name.span().start);
                let value = name.into_inner().into_owned();
                (At { value, place }, entry.into_inner())
            })
            .collect()
    }

    fn report_unknown(self) {
        for (key, _) in self.table {
            let place = self.place.key(key.get_ref(), key.span().start);
            let message = match nearest(key.get_ref(), &self.asked) {
                Some(known) => format!("unknown key; did you mean \"{known}\"?"),
                None => format!("unknown key; expected one of {}", self.asked.join(", ")),
            };
            self.context.problems.add(&place, message);
        }
    }
}

impl Context<'_> {
    fn text(&self, value: DeValue<'_>, place: &Place) -> Option<String> {
        match value {
            DeValue::String(text) => substitute(&text, self.environment)
                .map_err(|message| self.problems.add(place, message))
                .ok(),
            other => self.wrong_type(place, "a string", &other),
        }
    }

    fn table<'v>(&self, value: DeValue<'v>, place: &Place) -> Option<DeTable<'v>> {
        match value {
            DeValue::Table(table) => Some(table),
            other => self.wrong_type(place, "a section", &other),
        }
    }

    fn wrong_type<T>(&self, place: &Place, expected: &str, found: &DeValue<'_>) -> Option<T> {
        let found = match found {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a decimal number",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a bare date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a section",
        };
        self.problems
            .add(place, format!("expected {expected}, found {found}"));
        None
    }
}
