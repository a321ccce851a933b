//! Many regular expressions for the lines of a log, few of which match.
//!
//! The small engine for regular expressions takes tens of milliseconds for each expression and megabyte. So one pass looks for
//! the texts that a match has to contain, and an expression reads only the lines that have one of its texts.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::str::Chars;
use std::sync::OnceLock;

use aho_corasick::automaton::Automaton;
use aho_corasick::{Anchored, Input, nfa::noncontiguous};
use regex_lite::Regex;

/// Regular expressions that match within one line.
pub(crate) struct Patterns {
    expressions: Vec<Expression>,
    /// Finds the texts in upper and lower case; `None` finds no text.
    texts: Option<noncontiguous::NFA>,
    /// The expression of each text.
    owners: Vec<usize>,
}

struct Expression {
    flags: &'static str,
    pattern: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Patterns {
    /// The expressions of a table, with these flags, such as `(?i)`.
    pub(crate) fn new(flags: &'static str, patterns: impl Iterator<Item = &'static str>) -> Self {
        let expressions: Vec<Expression> = patterns
            .map(|pattern| Expression {
                flags,
                pattern,
                compiled: OnceLock::new(),
            })
            .collect();
        let (owners, texts): (Vec<usize>, Vec<String>) = expressions
            .iter()
            .enumerate()
            .flat_map(|(row, expression)| {
                let texts = required_texts(expression.pattern);
                texts.into_iter().map(move |text| (row, text))
            })
            .unzip();
        let texts = noncontiguous::Builder::new()
            .ascii_case_insensitive(true)
            .prefilter(false)
            .build(&texts)
            .ok();
        Self {
            expressions,
            texts,
            owners,
        }
    }

    /// The expressions that may match in `line`, by their places in the table.
    pub(crate) fn candidates(&self, line: &str) -> impl Iterator<Item = (usize, &Regex)> {
        let input = Input::new(line).anchored(Anchored::No);
        let texts = self.texts.as_ref();
        let found = texts.and_then(|texts| texts.try_find_overlapping_iter(input).ok());
        let rows: BTreeSet<usize> = found
            .into_iter()
            .flatten()
            .map(|text| self.owners[text.pattern().as_usize()])
            .collect();
        rows.into_iter()
            .filter_map(|row| Some((row, self.expressions[row].compiled()?)))
    }
}

impl Expression {
    /// `None` for what is no regular expression; a test asks for all of them.
    fn compiled(&self) -> Option<&Regex> {
        let compile = || Regex::new(&format!("{}{}", self.flags, self.pattern)).ok();
        self.compiled.get_or_init(compile).as_ref()
    }
}

/// Texts of which every match of `pattern` contains at least one, apart from the case of letters.
fn required_texts(pattern: &str) -> Vec<String> {
    Reader {
        rest: pattern.chars().peekable(),
    }
    .alternatives()
}

/// Reads a regular expression as far as its texts are concerned. Characters by their number, such as `\x1b`, are read
/// inside of classes only.
struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
}

impl Reader<'_> {
    fn alternatives(&mut self) -> Vec<String> {
        let mut texts = self.sequence();
        while self.rest.next_if_eq(&'|').is_some() {
            texts.extend(self.sequence());
        }
        texts
    }

    /// The longest text of a sequence; of a group in it, the texts of its alternatives.
    fn sequence(&mut self) -> Vec<String> {
        let mut best = vec![String::new()];
        let mut run = String::new();
        while let Some(c) = self.rest.next_if(|c| !matches!(c, '|' | ')')) {
            let mut group = Vec::new();
            let literal = match c {
                '\\' => self.rest.next().filter(|c| !c.is_ascii_alphanumeric()),
                '.' | '^' | '$' => None,
                '[' => {
                    self.skip_class();
                    None
                }
                '(' => {
                    self.skip_group_name();
                    group = self.alternatives();
                    self.rest.next();
                    None
                }
                c => Some(c),
            };
            let is_repeated = self.rest.peek() == Some(&'+');
            let is_optional = self.skip_quantifier() && !is_repeated;
            match literal {
                Some(c) if !is_optional => run.push(c),
                _ => keep_longer(&mut best, vec![std::mem::take(&mut run)]),
            }
            if is_repeated {
                keep_longer(&mut best, vec![std::mem::take(&mut run)]);
            }
            if !is_optional {
                keep_longer(&mut best, group);
            }
        }
        keep_longer(&mut best, vec![run]);
        best
    }

    fn skip_class(&mut self) {
        self.rest.next_if_eq(&'^');
        self.rest.next_if_eq(&']');
        while let Some(c) = self.rest.next() {
            match c {
                '\\' => drop(self.rest.next()),
                ']' => return,
                _ => {}
            }
        }
    }

    /// `?:` or `?P<name>`.
    fn skip_group_name(&mut self) {
        if self.rest.next_if_eq(&'?').is_some() {
            self.rest.find(|c| matches!(c, ':' | '>'));
        }
    }

    fn skip_quantifier(&mut self) -> bool {
        match self.rest.next_if(|c| matches!(c, '?' | '*' | '+' | '{')) {
            None => return false,
            Some('{') => drop(self.rest.find(|c| *c == '}')),
            Some(_) => {}
        }
        self.rest.next_if_eq(&'?');
        true
    }
}

/// Keeps the texts of which the shortest is longer.
fn keep_longer(best: &mut Vec<String>, other: Vec<String>) {
    let shortest = |texts: &[String]| texts.iter().map(String::len).min();
    if shortest(&other) > shortest(best) {
        *best = other;
    }
}

/// Checks the patterns of a table: all are regular expressions, none matches over the end of a line, and whatever text a
/// pattern matches has one of its texts.
#[cfg(test)]
pub(crate) fn check(flags: &'static str, patterns: impl Iterator<Item = &'static str>) {
    use proptest::strategy::{Strategy, ValueTree};
    let patterns: Vec<&str> = patterns.collect();
    let table = Patterns::new(flags, patterns.iter().copied());
    let mut runner = proptest::test_runner::TestRunner::default();
    for (row, pattern) in patterns.into_iter().enumerate() {
        let expression = table.expressions[row].compiled();
        assert!(expression.is_some(), "{pattern}");
        let shortest = required_texts(pattern).iter().map(String::len).min();
        assert!(shortest >= Some(3), "{pattern}: {:?}", required_texts(pattern));
        for class in pattern.split("[^").skip(1) {
            let end = class.find(']').unwrap();
            let is_one_line = class[..end].contains(r"\n") || class[..end].contains(r"\s");
            assert!(is_one_line, "{pattern}: [^{}", &class[..=end]);
        }
        assert!(
            !pattern.contains(r"\s+") && !pattern.contains(r"\s*"),
            "{pattern}"
        );
        // The strategy reads the expression with a parser of its own, which takes no anchors.
        let unanchored = pattern
            .trim_start_matches('^')
            .trim_end_matches('$')
            .replace("|^", "|")
            .replace("$|", "|")
            .replace(r"\b", "");
        let texts = proptest::string::string_regex(&unanchored).unwrap();
        for _ in 0..20 {
            let text = texts.new_tree(&mut runner).unwrap().current();
            for text in [text.to_ascii_uppercase(), text] {
                let is_found = table.candidates(&text).any(|(candidate, _)| candidate == row);
                assert!(is_found, "{pattern}: {text:?}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_what_every_match_contains() {
        for (pattern, expected) in [
            ("abc", &["abc"][..]),
            ("abc|de", &["abc", "de"]),
            ("abc?d", &["ab"]),
            ("abc*de", &["ab"]),
            ("abc+d", &["abc"]),
            ("ab{0,3}cde", &["cde"]),
            (r"a\.b\(c\S+d", &["a.b(c"]),
            (r"[abc]def[^]x]g", &["def"]),
            (r"(?P<x>abc|def) \S+ x", &["abc", "def"]),
            (r"\((?:901|902)\)", &["901", "902"]),
            (r"(?:abcdef)?gh", &["gh"]),
            (r"(?:ab|cd)+? \S", &["ab", "cd"]),
            (r"(?:abc(?:def|ghijk)|lm)n", &["abc", "lm"]),
            (r"\d+", &[""]),
        ] {
            assert_eq!(required_texts(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn only_expressions_with_a_text_in_the_line_are_candidates() {
        let patterns = Patterns::new("(?i)", [r"no such app \d+", "gone|lost", r"app \S+"].into_iter());
        let rows = |line: &str| patterns.candidates(line).map(|(row, _)| row).collect::<Vec<_>>();
        assert_eq!(rows("No Such App 7 is LOST"), [0, 1, 2]);
        assert_eq!(rows("it is gone"), [1]);
        assert_eq!(rows("it is here"), [0; 0]);
    }
}
