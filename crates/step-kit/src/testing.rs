//! What the tests of step crates need.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;

use crate::{Environment, InputProblems, Inputs, Manifest};

/// Reads `I` from variables as a run of the step would.
///
/// # Errors
/// As [`Inputs::read`].
pub fn inputs<I: DeserializeOwned>(
    manifest: Manifest,
    variables: &[(&str, &str)],
) -> Result<I, InputProblems> {
    Inputs::read(&manifest, &variables.iter().copied().collect::<Environment>())?.typed()
}

/// The inputs that either the manifest or the struct `I` has, and the other lacks; aliases are not fields.
pub fn drift<I: DeserializeOwned>(manifest: Manifest) -> Vec<String> {
    let declared: BTreeSet<String> = manifest
        .inputs
        .iter()
        .filter(|input| input.extra.alias_of.is_none())
        .map(|input| input.key.to_owned())
        .collect();
    let fields: BTreeSet<String> = fields::of::<I>()
        .iter()
        .map(|field| (*field).to_owned())
        .collect();
    declared.symmetric_difference(&fields).cloned().collect()
}

/// The field names of a struct, asked of its own `Deserialize`.
mod fields {
    use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
    use serde::forward_to_deserialize_any;

    pub(super) fn of<T: DeserializeOwned>() -> &'static [&'static str] {
        let mut found: &'static [&'static str] = &[];
        // The probe never yields a value; all it does is note the names.
        let _ = T::deserialize(Probe(&mut found));
        found
    }

    struct Probe<'a>(&'a mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for Probe<'_> {
        type Error = serde::de::value::Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            Err(Self::Error::custom("not a struct"))
        }

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Self::Error> {
            *self.0 = fields;
            Err(Self::Error::custom("names are all that is wanted"))
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }
}
