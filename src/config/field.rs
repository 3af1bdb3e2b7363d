//! Single values of a file: with their place, and possibly absent or unusable.

use super::problem::{Place, Problems};

/// A value with its place in the file.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// What a file says under a key.
#[derive(Debug, Clone, Default)]
pub(super) enum Field<T> {
    /// Nothing.
    #[default]
    Absent,
    /// Something unusable, reported already.
    Bad,
    /// A value.
    Given(At<T>),
}

impl<T> Field<T> {
    /// The value, or the default if there is none. A bad value also gives the default, which then is never used.
    pub(super) fn or(self, default: T) -> T {
        self.given().map_or(default, |given| given.value)
    }

    /// The value, if there is a good one.
    pub(super) fn given(self) -> Option<At<T>> {
        match self {
            Self::Given(given) => Some(given),
            Self::Absent | Self::Bad => None,
        }
    }

    /// The value; its absence is a problem of the section at `section`.
    pub(super) fn required(self, key: &str, section: &Place, problems: &Problems) -> Option<At<T>> {
        if let Self::Absent = self {
            problems.add(&section.missing(key), "missing");
        }
        self.given()
    }

    /// The value as the program needs it; the conversion's refusal is a problem.
    pub(super) fn convert<U>(
        self,
        problems: &Problems,
        convert: impl FnOnce(&T) -> Result<U, String>,
    ) -> Field<U> {
        match self {
            Self::Absent => Field::Absent,
            Self::Bad => Field::Bad,
            Self::Given(At { value, place }) => match convert(&value) {
                Ok(value) => Field::Given(At { value, place }),
                Err(message) => {
                    problems.add(&place, message);
                    Field::Bad
                }
            },
        }
    }
}

impl Field<String> {
    /// The value that the text stands for; a refusal is a problem.
    pub(super) fn parse<U>(
        self,
        problems: &Problems,
        parse: impl FnOnce(&str) -> Result<U, String>,
    ) -> Field<U> {
        self.convert(problems, |text| parse(text))
    }
}
