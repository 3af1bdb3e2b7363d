//! Single values of a file, with their places; possibly absent or invalid.

use super::problem::{Place, Problems};

/// A value with its place in the file.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// The value of a key.
#[derive(Debug, Clone, Default)]
pub(super) enum Field<T> {
    #[default]
    Absent,
    /// Invalid; the problem has been reported.
    Bad,
    Given(At<T>),
}

impl<T> Field<T> {
    /// Returns the value, or `default` if there is none. An invalid value also yields the default, which is then never used.
    pub(super) fn or(self, default: T) -> T {
        self.given().map_or(default, |given| given.value)
    }

    /// Returns the value if it is present and valid.
    pub(super) fn given(self) -> Option<At<T>> {
        match self {
            Self::Given(given) => Some(given),
            Self::Absent | Self::Bad => None,
        }
    }

    /// Returns the value; its absence is a problem of the section at `section`.
    pub(super) fn required(self, key: &str, section: &Place, problems: &Problems) -> Option<At<T>> {
        if let Self::Absent = self {
            problems.add(&section.missing(key), "missing");
        }
        self.given()
    }

    /// Converts the value; an error of the conversion is a problem.
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
    /// Parses the text; an error is a problem.
    pub(super) fn parse<U>(
        self,
        problems: &Problems,
        parse: impl FnOnce(&str) -> Result<U, String>,
    ) -> Field<U> {
        self.convert(problems, |text| parse(text))
    }
}
