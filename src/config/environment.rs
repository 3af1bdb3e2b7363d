//! `${NAME}` in strings: substitution of environment variables.

/// Looks up a variable.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Replaces every `${NAME}`; substituted values aren't expanded again. A `$` without a brace is literal, as regular
/// expressions need it.
pub(super) fn substitute(text: &str, environment: Environment<'_>) -> Result<String, String> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, variable) = (&rest[..start], &rest[start + 2..]);
        let Some((name, after)) = variable.split_once('}') else {
            return Err("\"${\" without its closing brace".to_owned());
        };
        let value =
            environment(name).ok_or_else(|| format!("environment variable {name} is not set"))?;
        result.push_str(before);
        result.push_str(&value);
        rest = after;
    }
    result.push_str(rest);
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_variables_once_and_leaves_other_dollars() {
        let environment = |name: &str| match name {
            "HOST" => Some("kafka.example".to_owned()),
            "NESTED" => Some("${HOST}".to_owned()),
            _ => None,
        };
        let substituted = |text| substitute(text, &environment);
        assert_eq!(substituted("${HOST}:9092").unwrap(), "kafka.example:9092");
        assert_eq!(
            substituted("a${NESTED}${HOST}b").unwrap(),
            "a${HOST}kafka.exampleb"
        );
        assert_eq!(substituted("orders$|a$b").unwrap(), "orders$|a$b");
        assert_eq!(
            substituted("${NONE}").unwrap_err(),
            "environment variable NONE is not set"
        );
        assert!(substituted("${HOST").unwrap_err().contains("closing brace"));
    }
}
