//! Objects that have a key twice: IAM refuses such policies, and parsers differ in which of the two they take.

use std::{borrow::Cow, fmt};

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Checks that JSON has no object with a key twice.
///
/// # Errors
/// Names the key, or says why the text is not JSON.
pub(super) fn check(text: &str) -> Result<(), String> {
    serde_json::from_str::<Unique>(text).map(|_unique| ()).map_err(|error| error.to_string())
}

/// Any JSON without a key twice in an object.
#[derive(Debug)]
pub(super) struct Unique;

/// A key, borrowed where it holds no escape.
struct ObjectKey<'a>(Cow<'a, str>);

struct AnyVisitor;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor)
    }
}

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Unique;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_bool<E>(self, _value: bool) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_i64<E>(self, _value: i64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_u64<E>(self, _value: u64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_f64<E>(self, _value: f64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_str<E>(self, _value: &str) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_unit<E>(self) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unique, A::Error> {
        while items.next_element::<Unique>()?.is_some() {}
        Ok(Unique)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Unique, A::Error> {
        let mut seen: Vec<ObjectKey<'de>> = Vec::new();
        while let Some(key) = entries.next_key::<ObjectKey<'de>>()? {
            if seen.iter().any(|before| before.0 == key.0) {
                return Err(de::Error::custom(format_args!("the key \"{}\" stands in one object twice", key.0)));
            }
            seen.push(key);
            entries.next_value::<Unique>()?;
        }
        Ok(Unique)
    }
}

impl<'de> Deserialize<'de> for ObjectKey<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = ObjectKey<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<ObjectKey<'de>, E> {
                Ok(ObjectKey(Cow::Borrowed(value)))
            }

            fn visit_str<E>(self, value: &str) -> Result<ObjectKey<'de>, E> {
                Ok(ObjectKey(Cow::Owned(value.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn keys() {
        for text in ["{}", r#"{"a": [{"a": 1}, {"a": 2.5}], "b": {"a": null}}"#, "[true, -1, \"x\"]"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in [r#"{"a": 1, "a": 2}"#, r#"[{"b": {"x": 1, "\u0078": 2}}]"#, r#"{"a": }"#] {
            assert!(check(text).is_err(), "{text}");
        }
        assert!(check(r#"{"Condition": {}, "Condition": {}}"#).unwrap_err().contains("the key \"Condition\" stands"));
    }
}
