//! `step.yml` as the table that a step is compiled with: the single source of an input's key, default, options, required
//! and sensitive flags. `step_yaml::table` writes it at build time.

/// A step's manifest.
#[derive(Debug, Clone, Copy)]
pub struct Manifest {
    /// The step's title.
    pub title: &'static str,
    /// The inputs, in the file's order.
    pub inputs: &'static [Input],
    /// The outputs, in the file's order.
    pub outputs: &'static [Output],
}

/// One input.
#[derive(Debug, Clone, Copy)]
pub struct Input {
    /// The environment variable that carries it.
    pub key: &'static str,
    /// What an unset variable means, before expansion; blank means none.
    pub default: &'static str,
    /// The name shown to people.
    pub title: &'static str,
    /// The accepted values; empty when any is accepted.
    pub options: &'static [&'static str],
    /// Whether it must have a value.
    pub required: bool,
    /// Whether its value is a secret.
    pub sensitive: bool,
    /// What else is known of its values, from `meta: apple-steps:`.
    pub extra: Extra,
}

/// One output.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// The environment variable that later steps read.
    pub key: &'static str,
    /// Whether its value is a secret.
    pub sensitive: bool,
}

/// What `step.yml` has no field for, kept under `meta: apple-steps:`.
#[derive(Debug, Clone, Copy)]
pub struct Extra {
    /// The key that replaces this one.
    pub alias_of: Option<&'static str>,
    /// The value must be a whole number that is at least this.
    pub at_least: Option<i64>,
    /// Older spellings of values, with the current one.
    pub also: &'static [(&'static str, &'static str)],
    /// Another input and the value of it that make this one optional.
    pub unless: Option<(&'static str, &'static str)>,
    /// The value is taken as it is: blanks around a password belong to it.
    pub verbatim: bool,
}

impl Extra {
    /// Nothing else is known.
    pub const NONE: Self = Self {
        alias_of: None,
        at_least: None,
        also: &[],
        unless: None,
        verbatim: false,
    };
}

impl Manifest {
    /// The input with this key.
    pub fn input(&self, key: &str) -> Option<&'static Input> {
        self.inputs.iter().find(|input| input.key == key)
    }
}
