//! References in settings: `$(NAME)`, `${NAME:operator}`, `$[NAME]` and `$NAME`.
//!
//! The rules are those of swift-build's `MacroExpressionParsing.swift` and `MacroEvaluationScope.swift`.

use crate::operators;
use crate::settings::{Position, Settings};

/// Longer chains of references than any real project has.
const DEEPEST: usize = 32;

/// More references than any real value has, followed to their ends.
const MOST_REFERENCES: usize = 10_000;

/// Larger than any setting that this crate is asked for.
const LONGEST: usize = 64 * 1024;

/// Settings that swift-build declares as texts, paths, or truths (`BuiltinMacros.swift`), of those that names and signing
/// depend on. All others are lists, also those that it does not know: an empty list is nothing to an operator, and a
/// backslash in one escapes.
const TEXTS: [&str; 46] = [
    "CODE_SIGNING_ALLOWED",
    "CODE_SIGNING_REQUIRED",
    "CODE_SIGN_ENTITLEMENTS",
    "CODE_SIGN_ENTITLEMENTS_CONTENTS",
    "CODE_SIGN_IDENTITY",
    "CODE_SIGN_STYLE",
    "CONFIGURATION",
    "CURRENT_PROJECT_VERSION",
    "DERIVE_MACCATALYST_PRODUCT_BUNDLE_IDENTIFIER",
    "DEVELOPMENT_TEAM",
    "EFFECTIVE_PLATFORM_NAME",
    "EXECUTABLE_NAME",
    "EXECUTABLE_SUFFIX",
    "EXECUTABLE_VARIANT_SUFFIX",
    "FULL_PRODUCT_NAME",
    "GENERATE_INFOPLIST_FILE",
    "HOME",
    "IMPLICIT_DEPENDENCY_DOMAIN",
    "INFOPLIST_FILE",
    "INFOPLIST_KEY_CFBundleDisplayName",
    "IS_MACCATALYST",
    "MARKETING_VERSION",
    "PLATFORM_DISPLAY_NAME",
    "PLATFORM_NAME",
    "PRODUCT_BUNDLE_IDENTIFIER",
    "PRODUCT_MODULE_NAME",
    "PRODUCT_NAME",
    "PRODUCT_TYPE",
    "PROJECT",
    "PROJECT_DIR",
    "PROJECT_FILE_PATH",
    "PROJECT_NAME",
    "PROVISIONING_PROFILE",
    "PROVISIONING_PROFILE_REQUIRED",
    "PROVISIONING_PROFILE_SPECIFIER",
    "PROVISIONING_PROFILE_SUPPORTED",
    "SDKROOT",
    "SDK_NAME",
    "SDK_VARIANT",
    "SOURCE_ROOT",
    "SRCROOT",
    "SUPPORTS_MACCATALYST",
    "TARGETNAME",
    "TARGET_NAME",
    "USER",
    "WRAPPER_EXTENSION",
];

fn is_text(setting: &str) -> bool {
    TEXTS.binary_search(&setting).is_ok()
}

/// Text that grows. An operator is not applied where none was added, not even an empty one.
#[derive(Default)]
struct Text {
    text: String,
    is_any: bool,
}

impl Text {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.is_any = true;
    }
}

/// Whether a name has a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Yes,
    /// Nothing that the project files leave open: a setting without a lower value, or no name at all.
    No,
    /// It is defined nowhere.
    Undefined,
}

/// One expansion, with its limits: a setting of a hostile file may refer to others without end.
pub(crate) struct Expansion<'a> {
    settings: &'a Settings,
    /// The settings that are being evaluated, outermost first, each with the assignment that is looked at.
    frames: Vec<(String, Option<Position>)>,
    /// The names that are defined nowhere.
    pub(crate) missing: Vec<String>,
    /// The names that were looked up.
    pub(crate) used: Vec<String>,
    references: usize,
    /// How deeply names are nested in names here.
    nesting: usize,
}

impl<'a> Expansion<'a> {
    pub(crate) fn of(settings: &'a Settings) -> Self {
        Self {
            settings,
            frames: Vec::new(),
            missing: Vec::new(),
            used: Vec::new(),
            references: 0,
            nesting: 0,
        }
    }

    /// The value of a setting's assignment at `position`.
    pub(crate) fn assignment(&mut self, setting: &str, position: Position) -> String {
        let mut out = Text::default();
        self.assigned(setting, position, &mut out);
        out.text
    }

    fn assigned(&mut self, setting: &str, position: Position, out: &mut Text) {
        let (raw, is_final) = self.settings.assigned(position);
        let is_list = !is_text(setting);
        if is_final || raw.is_empty() {
            // An empty list is nothing, an empty text is one.
            if !raw.is_empty() || !is_list {
                out.push(raw);
            }
            return;
        }
        self.frames.push((setting.to_owned(), Some(position)));
        self.part(raw, &mut 0, &[], is_list, out);
        self.frames.pop();
    }

    /// A text with its references replaced.
    pub(crate) fn text(&mut self, text: &str) -> String {
        let mut out = Text::default();
        self.part(text, &mut 0, &[], false, &mut out);
        out.text
    }

    /// Reads on until one of `ends`, which is not consumed, or the end of the text. In a list, a backslash keeps what
    /// follows it from being a reference.
    fn part(&mut self, text: &str, at: &mut usize, ends: &[u8], is_list: bool, out: &mut Text) {
        let bytes = text.as_bytes();
        while let Some(byte) = bytes.get(*at) {
            if ends.contains(byte) {
                return;
            }
            if *byte == b'$' {
                self.reference(text, at, out);
            } else {
                let rest = &text[*at..];
                let end = rest
                    .bytes()
                    .position(|byte| byte == b'$' || ends.contains(&byte))
                    .unwrap_or(rest.len());
                out.push(&rest[..end]);
                *at += end;
                let escapes = rest[..end]
                    .bytes()
                    .rev()
                    .take_while(|byte| *byte == b'\\')
                    .count();
                if is_list && escapes % 2 == 1 && bytes.get(*at) == Some(&b'$') {
                    out.push("$");
                    *at += 1;
                }
            }
            if self.is_exhausted(out.text.len()) {
                *at = bytes.len();
            }
        }
    }

    /// What begins with a dollar sign.
    fn reference(&mut self, text: &str, at: &mut usize, out: &mut Text) {
        let bytes = text.as_bytes();
        *at += 1;
        match bytes.get(*at) {
            Some(b'$') => {
                out.push("$");
                *at += 1;
            }
            Some(b'(') => self.braced(text, at, b')', out),
            Some(b'{') => self.braced(text, at, b'}', out),
            Some(b'[') => self.braced(text, at, b']', out),
            Some(first) if first.is_ascii_alphabetic() || *first == b'_' => {
                let rest = &text[*at..];
                let end = rest
                    .bytes()
                    .position(|byte| !byte.is_ascii_alphanumeric() && byte != b'_' && byte != b'.')
                    .unwrap_or(rest.len());
                let mut name = Text::default();
                name.push(&rest[..end]);
                *at += end;
                // `$A$(B)` is the setting whose name is `A` and what `B` stands for.
                if bytes.get(*at) == Some(&b'$') && bytes.get(*at + 1) == Some(&b'(') {
                    self.reference(text, at, &mut name);
                }
                let name = name.text;
                match self.referenced(&name, out) {
                    Found::Yes => {}
                    // Without brackets, what has no value stays as it is.
                    found => {
                        out.push("$");
                        out.push(&name);
                        if found == Found::Undefined {
                            self.missing.push(name);
                        }
                    }
                }
            }
            _ => out.push("$"),
        }
    }

    /// `(NAME:operator:operator=operand)`, from its opening bracket on.
    fn braced(&mut self, text: &str, at: &mut usize, close: u8, out: &mut Text) {
        let bytes = text.as_bytes();
        *at += 1;
        // Names in names come here before any limit on references is looked at.
        if self.nesting > DEEPEST {
            self.missing.push(text[*at..].chars().take(64).collect());
            *at = bytes.len();
            return;
        }
        self.nesting += 1;
        self.inside(text, at, close, out);
        self.nesting -= 1;
    }

    fn inside(&mut self, text: &str, at: &mut usize, close: u8, out: &mut Text) {
        let bytes = text.as_bytes();
        let mut name = Text::default();
        self.part(text, at, &[close, b':'], false, &mut name);
        let name = name.text;
        let before = self.missing.len();
        let mut value = Text::default();
        let found = self.referenced(&name, &mut value);
        if found != Found::Yes && self.meant(&name).is_some_and(|name| is_text(&name)) {
            value.push("");
        }
        let is_undefined = found == Found::Undefined && !name.is_empty();
        if is_undefined {
            self.missing.push(name);
        }
        while bytes.get(*at) == Some(&b':') {
            *at += 1;
            let rest = &text[*at..];
            let end = rest
                .bytes()
                .position(|byte| !byte.is_ascii_alphanumeric() && !b"-+._".contains(&byte))
                .unwrap_or(rest.len());
            let operator = &rest[..end];
            *at += end;
            let follows = bytes.get(*at);
            if follows == Some(&b'=') && !operator.is_empty() {
                *at += 1;
                let known = self.missing.len();
                let mut operand = Text::default();
                self.part(text, at, &[close, b':'], false, &mut operand);
                let is_default = operator == "default";
                if is_default && value.text.is_empty() {
                    // The default stands in for what is not defined.
                    if is_undefined {
                        self.missing.drain(before..known);
                    }
                } else if is_default || !operators::REPLACING.contains(&operator) || !value.is_any {
                    // What the operand says does not count.
                    self.missing.truncate(known);
                }
                if value.is_any || is_default {
                    let current = std::mem::take(&mut value.text);
                    value.text = operators::replace(operator, &operand.text, current);
                    value.is_any = true;
                }
            } else if matches!(follows, Some(b':')) || follows == Some(&close) {
                if value.is_any {
                    let current = std::mem::take(&mut value.text);
                    value.text = operators::apply(operator, current);
                }
            } else {
                // No operator, up to the next one: not even what it refers to is looked at.
                *at += rest[end..]
                    .bytes()
                    .position(|byte| byte == b':' || byte == close)
                    .unwrap_or(rest.len() - end);
            }
        }
        if bytes.get(*at) == Some(&close) {
            *at += 1;
        }
        if value.is_any {
            out.push(&value.text);
        }
    }

    /// The setting that a name means: `inherited` and `value` are the one that is being evaluated.
    fn meant(&self, name: &str) -> Option<String> {
        match name {
            "inherited" | "value" => self.frames.last().map(|(setting, _)| setting.clone()),
            _ => Some(name.to_owned()),
        }
    }

    /// Adds the value of a name, where it has one.
    fn referenced(&mut self, name: &str, out: &mut Text) -> Found {
        self.references += 1;
        if name.is_empty() {
            return Found::No;
        }
        let Some(own) = self.meant(name) else {
            return Found::No;
        };
        if self.frames.len() > DEEPEST || self.is_exhausted(0) {
            return Found::Undefined;
        }
        // A setting that is being evaluated means its next lower value, however the reference gets back to it.
        let frame = self.frames.iter().rfind(|(setting, _)| *setting == own);
        let is_own = frame.is_some();
        let below = frame.map(|(_, position)| *position);
        if !is_own {
            self.used.push(own.clone());
        }
        let found = match below {
            Some(None) => None,
            Some(Some(position)) => self.settings.find(&own, Some(position)),
            None => self.settings.find(&own, None),
        };
        match found {
            Some(position) => {
                self.assigned(&own, position, out);
                Found::Yes
            }
            // Nothing is inherited where nothing is set below.
            None if is_own => Found::No,
            None => Found::Undefined,
        }
    }

    fn is_exhausted(&mut self, length: usize) -> bool {
        let is_exhausted = self.references > MOST_REFERENCES || length > LONGEST;
        if is_exhausted && self.missing.is_empty() {
            let (setting, _) = self.frames.first().cloned().unwrap_or_default();
            self.missing.push(setting);
        }
        is_exhausted
    }
}
