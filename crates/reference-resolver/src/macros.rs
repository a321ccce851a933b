//! References to settings: a text is parsed to pieces first, and those are evaluated by plain recursion.

use unicode_segmentation::UnicodeSegmentation as _;

use crate::settings::Settings;

/// Settings that are one text; all others are lists (section 1.3 of the rules, `BuiltinMacros.swift`).
const TEXTS: &[&str] = &[
    "CODE_SIGN_ENTITLEMENTS",
    "CODE_SIGN_IDENTITY",
    "CODE_SIGN_STYLE",
    "CONFIGURATION",
    "DEVELOPMENT_TEAM",
    "EXECUTABLE_NAME",
    "INFOPLIST_FILE",
    "MARKETING_VERSION",
    "PLATFORM_NAME",
    "PRODUCT_BUNDLE_IDENTIFIER",
    "PRODUCT_MODULE_NAME",
    "PRODUCT_NAME",
    "PRODUCT_TYPE",
    "PROJECT_NAME",
    "PROVISIONING_PROFILE",
    "PROVISIONING_PROFILE_SPECIFIER",
    "SDKROOT",
    "TARGET_NAME",
];

/// What a text is made of.
#[derive(Debug)]
enum Piece {
    Text(String),
    /// `$NAME`, where the name may end with a reference.
    Plain(Vec<Piece>),
    /// `$(NAME:operators)`.
    Bracketed(Vec<Piece>, Vec<Operator>),
}

#[derive(Debug)]
struct Operator {
    name: String,
    operand: Option<Vec<Piece>>,
}

struct Parser {
    text: Vec<char>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn take_while(&mut self, is_in: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.peek().filter(|c| is_in(*c)) {
            taken.push(c);
            self.at += 1;
        }
        taken
    }

    /// Up to the end, or within brackets to a colon or the closing one.
    fn pieces(&mut self, close: Option<char>, is_list: bool) -> Vec<Piece> {
        let mut pieces = Vec::new();
        while let Some(c) = self.peek() {
            if close.is_some() && (c == ':' || Some(c) == close) {
                break;
            }
            if c == '$' {
                pieces.push(self.reference());
            } else if c == '\\' && is_list {
                let end = (self.at + 2).min(self.text.len());
                pieces.push(Piece::Text(self.text[self.at..end].iter().collect()));
                self.at = end;
            } else {
                pieces.push(Piece::Text(c.to_string()));
                self.at += 1;
            }
        }
        pieces
    }

    fn reference(&mut self) -> Piece {
        self.at += 1;
        let literal = || Piece::Text("$".to_owned());
        match self.peek() {
            Some('$') => {
                self.at += 1;
                literal()
            }
            Some('(') => self.bracketed(')'),
            Some('{') => self.bracketed('}'),
            Some('[') => self.bracketed(']'),
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let name = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
                let mut name = vec![Piece::Text(name)];
                if self.text[self.at..].starts_with(&['$', '(']) {
                    name.push(self.reference());
                }
                Piece::Plain(name)
            }
            _ => literal(),
        }
    }

    fn bracketed(&mut self, close: char) -> Piece {
        self.at += 1;
        let name = self.pieces(Some(close), false);
        let mut operators = Vec::new();
        while self.peek() == Some(':') {
            self.at += 1;
            let operator = self.take_while(|c| c.is_ascii_alphanumeric() || "-+._".contains(c));
            match self.peek() {
                Some('=') if !operator.is_empty() => {
                    self.at += 1;
                    let operand = Some(self.pieces(Some(close), false));
                    operators.push(Operator {
                        name: operator,
                        operand,
                    });
                }
                Some(c) if c == ':' || c == close => operators.push(Operator {
                    name: operator,
                    operand: None,
                }),
                _ => {
                    self.take_while(|c| c != ':' && c != close);
                }
            }
        }
        self.at += 1;
        Piece::Bracketed(name, operators)
    }
}

fn parsed(text: &str, is_list: bool) -> Vec<Piece> {
    let text = text.chars().collect();
    Parser { text, at: 0 }.pieces(None, is_list)
}

/// The value of the assignment at `index` of the list, with references replaced; `None` where it yields no text, not even
/// an empty one. `stack` holds what is being replaced already: a name with the index of its assignment.
pub(crate) fn evaluate(
    settings: &Settings,
    index: usize,
    stack: &mut Vec<(String, usize)>,
) -> Option<String> {
    let assignment = &settings.list[index];
    let is_list = !TEXTS.contains(&assignment.name.as_str());
    if assignment.value.is_empty() && !is_list {
        return Some(String::new());
    }
    stack.push((assignment.name.clone(), index));
    let value = together(settings, &parsed(&assignment.value, is_list), stack);
    stack.pop();
    value
}

/// A text with references replaced.
pub(crate) fn replace(settings: &Settings, text: &str) -> String {
    together(settings, &parsed(text, false), &mut Vec::new()).unwrap_or_default()
}

fn together(settings: &Settings, pieces: &[Piece], stack: &mut Vec<(String, usize)>) -> Option<String> {
    let mut all: Option<String> = None;
    for piece in pieces {
        if stack.len() > 40 {
            break;
        }
        if let Some(text) = one(settings, piece, stack) {
            all.get_or_insert_default().push_str(&text);
        }
    }
    all
}

fn one(settings: &Settings, piece: &Piece, stack: &mut Vec<(String, usize)>) -> Option<String> {
    match piece {
        Piece::Text(text) => Some(text.clone()),
        Piece::Plain(name) => {
            let name = together(settings, name, stack).unwrap_or_default();
            match look_up(settings, &name, stack) {
                Some(value) => value,
                None => Some(format!("${name}")),
            }
        }
        Piece::Bracketed(name, operators) => {
            let name = together(settings, name, stack).unwrap_or_default();
            let meant = meant(&name, stack);
            let mut value = match look_up(settings, &name, stack) {
                Some(value) => value,
                // A text without a value is an empty one.
                None => meant
                    .filter(|name| TEXTS.contains(&name.as_str()))
                    .map(|_| String::new()),
            };
            for operator in operators {
                value = match &operator.operand {
                    None => value.map(|value| retrieved(&operator.name, &value)),
                    Some(operand) => {
                        let operand = together(settings, operand, stack).unwrap_or_default();
                        match (value, operator.name.as_str()) {
                            (None, "default") => Some(operand),
                            (None, _) => None,
                            (Some(value), name) => Some(replaced(name, &operand, value)),
                        }
                    }
                };
            }
            value
        }
    }
}

fn meant(name: &str, stack: &[(String, usize)]) -> Option<String> {
    if name == "inherited" || name == "value" {
        return stack.last().map(|(own, _)| own.clone());
    }
    Some(name.to_owned()).filter(|name| !name.is_empty())
}

/// `None` for a name without a value; a value may be no text.
fn look_up(settings: &Settings, name: &str, stack: &mut Vec<(String, usize)>) -> Option<Option<String>> {
    let name = meant(name, stack)?;
    let below = stack.iter().rev().find(|(known, _)| *known == name);
    let end = below.map_or(settings.list.len(), |(_, index)| *index);
    let index = settings.index(&name, end)?;
    Some(evaluate(settings, index, stack))
}

fn retrieved(operator: &str, value: &str) -> String {
    // By user-perceived characters (swift-build `String.swift`, asIdentifierOfType): `e` with an accent of its own is one
    // that is no letter of ASCII.
    let word = |by: char, kept: char| -> String {
        let one = |(at, cluster): (usize, &str)| {
            let mut characters = cluster.chars();
            match (characters.next(), characters.next()) {
                (Some(c), None) if c.is_ascii_digit() && at == 0 => by,
                (Some(c), None) if c.is_ascii_alphanumeric() || c == kept => c,
                _ => by,
            }
        };
        value.graphemes(true).enumerate().map(one).collect()
    };
    let (folder, file) = split(value);
    match operator {
        "lower" => value.to_lowercase(),
        "upper" => value.to_uppercase(),
        "rfc1034identifier" => word('-', '-'),
        "identifier" => word('_', '_'),
        "c99extidentifier" => {
            let one = |(at, c): (usize, char)| match c {
                c if at == 0 && c.is_numeric() => '_',
                c if c.is_alphanumeric() => c,
                _ => '_',
            };
            value.chars().enumerate().map(one).collect()
        }
        "quote" if value.is_empty() => "\"\"".to_owned(),
        "quote" => {
            let escaped = |c: char| match c {
                ' ' | '\t' | '\r' | '\n' | '\\' | '"' | '\'' => format!("\\{c}"),
                _ => c.to_string(),
            };
            value.chars().map(escaped).collect()
        }
        "dir" if folder.is_empty() => "./".to_owned(),
        "dir" if folder == "/" => folder,
        "dir" => format!("{folder}/"),
        "file" => file,
        "base" => stem(&file).0,
        "suffix" => stem(&file).1,
        "standardizepath" if value == "." => ".".to_owned(),
        "standardizepath" => {
            let is_absolute = value.starts_with('/');
            let mut parts: Vec<&str> = Vec::new();
            for part in value.split('/').filter(|part| !part.is_empty() && *part != ".") {
                if part == ".." && is_absolute {
                    parts.pop();
                } else {
                    parts.push(part);
                }
            }
            format!("{}{}", if is_absolute { "/" } else { "" }, parts.join("/"))
        }
        "not" if value == "YES" => "NO".to_owned(),
        "not" => "YES".to_owned(),
        "truncatedversion" => {
            let parts: Vec<&str> = value.split('.').filter(|part| !part.is_empty()).collect();
            parts[..parts.len().min(3)].join(".")
        }
        "__stripslash" => value.strip_prefix('/').unwrap_or(value).to_owned(),
        _ => value.to_owned(),
    }
}

fn replaced(operator: &str, operand: &str, value: String) -> String {
    let (folder, file) = split(&value);
    match operator {
        "default" if value.is_empty() => operand.to_owned(),
        "dir" => join(operand, &file),
        "file" => join(&folder, operand),
        "base" => {
            let suffix = stem(&file).1;
            format!("{}.{}", join(&folder, operand), suffix.replacen('.', "", 1))
        }
        "suffix" => {
            let old = stem(&file).1.len();
            let new = match operand.contains('.') {
                true => stem(&split(operand).1).1.replacen('.', "", 1),
                false => operand.to_owned(),
            };
            format!("{}.{new}", &value[..value.len() - old])
        }
        "relativeto" if value.starts_with('/') && operand.starts_with('/') => {
            let parts = |path: &str| -> Vec<String> {
                let plain = retrieved("standardizepath", path);
                let parts = plain.split('/').filter(|part| !part.is_empty());
                parts.map(str::to_owned).collect()
            };
            let (from, to) = (parts(&value), parts(operand));
            let mut shared = 0;
            while shared < from.len() && shared < to.len() && from[shared] == to[shared] {
                shared += 1;
            }
            let mut way = vec!["..".to_owned(); from.len() - shared];
            way.extend(to[shared..].iter().cloned());
            if way.is_empty() {
                ".".to_owned()
            } else {
                way.join("/")
            }
        }
        "isancestor" => {
            let is_below = value.starts_with('/') && operand.starts_with('/') && {
                let around = retrieved("standardizepath", operand);
                let inside = retrieved("standardizepath", &value);
                inside != around && inside.starts_with(&format!("{}/", around.trim_end_matches('/')))
            };
            if is_below { "YES" } else { "NO" }.to_owned()
        }
        _ => value,
    }
}

/// The folder and the name of a path.
fn split(path: &str) -> (String, String) {
    match path.rfind('/') {
        Some(0) => ("/".to_owned(), path[1..].to_owned()),
        Some(at) => (path[..at].to_owned(), path[at + 1..].to_owned()),
        None => (String::new(), path.to_owned()),
    }
}

/// A file's name without its extension, and the extension with its dot.
fn stem(file: &str) -> (String, String) {
    let at = file.rfind('.').unwrap_or(file.len());
    (file[..at].to_owned(), file[at..].to_owned())
}

fn join(folder: &str, path: &str) -> String {
    match (folder, path) {
        ("", path) => path.to_owned(),
        (folder, "") => folder.to_owned(),
        (_, path) if path.starts_with('/') => path.to_owned(),
        (folder, path) if folder.ends_with('/') => format!("{folder}{path}"),
        (folder, path) => format!("{folder}/{path}"),
    }
}
