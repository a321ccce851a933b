//! Build settings, resolved from the project files alone.
//!
//! Levels, strongest first: the file that `XCODE_XCCONFIG_FILE` names, target, the target's xcconfig, what follows from
//! the target, project, the project's xcconfig, what follows from the project, and defaults of product type and platform
//! (swift-build `Settings.swift`).
//! Within a level assignments chain: the last one whose conditions hold counts, and `$(inherited)` in it means the one
//! before (`MacroValueAssignmentTable.swift`). An answer is a value or a list of what is not defined; it is never a
//! guess.

use apple_types::Platform;

use crate::built_in;
use crate::conditions::{Context, Match};
use crate::macros::Expansion;
use crate::xcconfig::{MissingFile, Problem};

/// What a setting is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Its value.
    Resolved(String),
    /// It depends on settings that the project files do not define.
    Unresolved {
        /// The setting that was asked for.
        setting: String,
        /// What is not defined.
        missing: Vec<String>,
    },
    /// It is set nowhere.
    Unset,
}

impl Answer {
    /// The value, where there is one.
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::Resolved(value) => Some(value),
            _ => None,
        }
    }

    /// The value as a boolean, as swift-build reads it: true for what begins with `y`, `t` or a digit other than 0
    /// (`String.swift`, boolValue). `None` where there is no value, or an empty one.
    pub fn boolean(&self) -> Option<bool> {
        let first = self.value()?.chars().next()?;
        Some(matches!(first, 'y' | 'Y' | 't' | 'T' | '1'..='9'))
    }
}

/// Where an assignment stands; the stronger comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// What an edit will write.
    Edit,
    /// What `xcodebuild` said.
    Xcodebuild,
    /// The xcconfig file that `XCODE_XCCONFIG_FILE` names.
    Environment,
    /// The target's configuration.
    Target,
    /// The xcconfig file below it.
    TargetXcconfig,
    /// The project's configuration.
    Project,
    /// The xcconfig file below it.
    ProjectXcconfig,
    /// What follows from the target, its project and its product type.
    BuiltIn,
    /// What follows from the platform.
    Platform,
}

/// The assignments of one level; a later one wins over an earlier one.
#[derive(Debug, Clone)]
pub(crate) struct Level {
    pub(crate) origin: Origin,
    pub(crate) assignments: Vec<(String, String)>,
}

/// An assignment: its level, and its place there.
pub(crate) type Position = (usize, usize);

/// The settings of one target in one configuration, for one SDK.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(crate) levels: Vec<Level>,
    pub(crate) sdk: String,
    pub(crate) is_catalyst: bool,
    pub(crate) configuration: String,
    pub(crate) target: String,
    pub(crate) missing_files: Vec<MissingFile>,
    pub(crate) problems: Vec<Problem>,
}

impl Settings {
    /// Settings from one list of assignments, as an xcconfig file would give them; a later one wins.
    pub fn from_assignments(
        assignments: impl IntoIterator<Item = (String, String)>,
        sdk: &str,
        configuration: &str,
    ) -> Self {
        Self {
            levels: vec![Level {
                origin: Origin::TargetXcconfig,
                assignments: assignments.into_iter().collect(),
            }],
            sdk: sdk.to_owned(),
            is_catalyst: false,
            configuration: configuration.to_owned(),
            target: String::new(),
            missing_files: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// The same, with values that `xcodebuild -showBuildSettings` gave for this target: they win.
    #[must_use]
    pub fn overridden(mut self, values: impl IntoIterator<Item = (String, String)>) -> Self {
        let level = Level {
            origin: Origin::Xcodebuild,
            assignments: values.into_iter().collect(),
        };
        let edits = self
            .levels
            .iter()
            .take_while(|level| level.origin == Origin::Edit)
            .count();
        self.levels.insert(edits, level);
        let told = |name: &str| self.get(name).value().unwrap_or_default().to_owned();
        // Xcode prints SDKROOT as a path (swift-build Settings.swift, addSDKPathOverride).
        let sdk = ["PLATFORM_NAME", "SDK_NAME", "SDKROOT"]
            .into_iter()
            .map(|name| {
                let level = &self.levels[edits];
                let value = level.assignments.iter().rev().find(|(key, _)| key == name);
                value.map(|(_, value)| value.clone()).unwrap_or_default()
            })
            .find(|value| Platform::of_sdk(value).is_some());
        let is_catalyst =
            told("SDK_VARIANT") == "iosmac" || told("EFFECTIVE_PLATFORM_NAME") == "-maccatalyst";
        let Some(sdk) = sdk else { return self };
        self.levels[edits]
            .assignments
            .push(("SDKROOT".to_owned(), sdk.clone()));
        self.built_for(sdk, is_catalyst)
    }

    /// The same, as they are after settings of the target are written: those win. What `xcodebuild` made of their old
    /// values counts no more.
    #[must_use]
    pub fn edited(mut self, values: impl IntoIterator<Item = (String, String)>) -> Self {
        let assignments: Vec<(String, String)> = values.into_iter().collect();
        if let Some(at) = self
            .levels
            .iter()
            .position(|level| level.origin == Origin::Xcodebuild)
        {
            let mut told = self.levels.remove(at);
            let is_outdated = |key: &str| assignments.iter().any(|(edited, _)| self.depends_on(key, edited));
            told.assignments.retain(|(key, _)| !is_outdated(key));
            self.levels.insert(at, told);
        }
        self.levels.insert(
            0,
            Level {
                origin: Origin::Edit,
                assignments,
            },
        );
        self
    }

    /// The same, with what a build takes from its surroundings, such as `USER`: project files win over it.
    #[must_use]
    pub fn surrounded(mut self, values: impl IntoIterator<Item = (String, String)>) -> Self {
        self.levels.push(Level {
            origin: Origin::BuiltIn,
            assignments: values.into_iter().collect(),
        });
        self
    }

    /// The SDK that the settings are for, such as `iphoneos`; blank when the project files do not say.
    pub fn sdk(&self) -> &str {
        &self.sdk
    }

    /// The configuration that the settings are of.
    pub fn configuration(&self) -> &str {
        &self.configuration
    }

    /// The platform that the settings are for; `None` when the project files do not say.
    pub fn platform(&self) -> Option<Platform> {
        if self.is_catalyst {
            return Some(Platform::MacCatalyst);
        }
        Platform::of_sdk(&self.sdk)
    }

    /// The same settings as they are for another SDK.
    #[must_use]
    pub fn for_sdk(&self, sdk: &str) -> Self {
        self.clone().built_for(sdk.to_owned(), false)
    }

    /// The same settings as they are for a platform. The SDK's version stays where the platform does.
    #[must_use]
    pub fn for_platform(&self, platform: Platform) -> Self {
        let is_catalyst = platform == Platform::MacCatalyst;
        let sdk = if Platform::of_sdk(&self.sdk).is_some_and(|own| own.sdk() == platform.sdk()) {
            self.sdk.clone()
        } else {
            platform.sdk().to_owned()
        };
        self.clone().built_for(sdk, is_catalyst)
    }

    pub(crate) fn built_for(mut self, sdk: String, is_catalyst: bool) -> Self {
        self.levels.retain(|level| level.origin != Origin::Platform);
        self.levels.push(built_in::of_sdk(&sdk, is_catalyst));
        self.sdk = sdk;
        self.is_catalyst = is_catalyst;
        self
    }

    /// The assignment that wins, as it is written, and where it stands.
    pub fn raw(&self, setting: &str) -> Option<(Origin, &str)> {
        let (level, index) = self.find(setting, None)?;
        let level = self.levels.get(level)?;
        Some((level.origin, level.assignments.get(index)?.1.as_str()))
    }

    /// xcconfig files that are named and are not there: what they would define is not known.
    pub fn missing_files(&self) -> &[MissingFile] {
        &self.missing_files
    }

    /// What is wrong with xcconfig files that were read.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// A setting's value, from what the project files define.
    pub fn get(&self, setting: &str) -> Answer {
        let Some(position) = self.find(setting, None) else {
            return Answer::Unset;
        };
        let mut expansion = Expansion::of(self);
        let value = expansion.assignment(setting, position);
        answer(setting, value, expansion.missing)
    }

    /// A setting's value in a build: as [`Settings::get`], but where names are missing that only an optional include
    /// that is not there could define, they are nothing, as for Xcode.
    pub fn settled(&self, setting: &str) -> Answer {
        self.settle(self.get(setting), || self.with_gaps(setting))
    }

    /// A text in which settings are referred to, such as a value of an Info.plist.
    pub fn expand(&self, text: &str) -> Answer {
        let mut expansion = Expansion::of(self);
        let value = expansion.text(text);
        let answer = answer("", value, expansion.missing);
        self.settle(answer, || Some(Expansion::of(self).text(text)))
    }

    fn settle(&self, answer: Answer, gaps: impl Fn() -> Option<String>) -> Answer {
        let Answer::Unresolved { missing, .. } = &answer else {
            return answer;
        };
        let is_absent_by_choice =
            !self.missing_files.is_empty() && self.missing_files.iter().all(|file| file.optional);
        if !is_absent_by_choice || missing.iter().any(|name| built_in::is_of_build(name)) {
            return answer;
        }
        gaps().map_or(answer, Answer::Resolved)
    }

    /// A list setting's elements, where it is known.
    pub fn list(&self, setting: &str) -> Vec<String> {
        elements(self.settled(setting).value().unwrap_or_default())
    }

    /// Whether the value of a setting depends on another one.
    pub fn depends_on(&self, setting: &str, other: &str) -> bool {
        let Some(position) = self.find(setting, None) else {
            return false;
        };
        let mut expansion = Expansion::of(self);
        expansion.assignment(setting, position);
        expansion.used.iter().any(|used| used == other)
    }

    /// What a build takes when every name that the project files do not define really is defined nowhere: such
    /// names become nothing. `None` when the setting itself is not assigned.
    pub fn with_gaps(&self, setting: &str) -> Option<String> {
        let position = self.find(setting, None)?;
        Some(Expansion::of(self).assignment(setting, position))
    }

    /// The text of an assignment, and whether it is final: `xcodebuild` gives values, not expressions.
    pub(crate) fn assigned(&self, (level, index): Position) -> (&str, bool) {
        let level = &self.levels[level];
        let is_final = matches!(level.origin, Origin::Xcodebuild | Origin::Edit);
        (&level.assignments[index].1, is_final)
    }

    /// Whether the value of a setting depends on the version of the SDK, which the project does not name: a condition such
    /// as `[sdk=iphoneos26*]` holds with one Xcode and not with another.
    pub fn depends_on_sdk_version(&self, setting: &str) -> bool {
        let mut expansion = Expansion::of(self);
        if let Some(position) = self.find(setting, None) {
            expansion.assignment(setting, position);
        }
        let mut names = std::iter::once(setting).chain(expansion.used.iter().map(String::as_str));
        names.any(|name| {
            let context = self.context(name);
            let keys = self.levels.iter().flat_map(|level| &level.assignments);
            let mut conditions = keys.filter_map(|(key, _)| key.strip_prefix(name));
            conditions.any(|conditions| context.depends_on_version(conditions))
        })
    }

    fn context(&self, setting: &str) -> Context<'_> {
        Context {
            // The SDK is chosen before a condition of its own setting could hold (`Settings.swift`, analyzeSettings).
            sdk: if setting == "SDKROOT" { "" } else { &self.sdk },
            configuration: &self.configuration,
            target: &self.target,
        }
    }

    /// The strongest assignment of a setting whose conditions hold; that below `above`, where there is one.
    pub(crate) fn find(&self, setting: &str, above: Option<Position>) -> Option<Position> {
        let (first, until) = above.map_or((0, usize::MAX), |(level, index)| (level, index));
        let context = self.context(setting);
        self.levels
            .iter()
            .enumerate()
            .skip(first)
            .find_map(|(number, level)| {
                let until = if number == first { until } else { usize::MAX };
                // Fallback names of an SDK count where nothing in the level is for its real name.
                let is_named = || {
                    let mut conditions = level
                        .assignments
                        .iter()
                        .filter_map(|(key, _)| key.strip_prefix(setting));
                    conditions.any(|conditions| context.names_sdk(conditions))
                };
                let counts = |key: &str| match key
                    .strip_prefix(setting)
                    .map(|conditions| context.matches(conditions))
                {
                    None | Some(Match::No) => false,
                    Some(Match::Yes) => true,
                    Some(Match::Fallback) => !is_named(),
                };
                let found = level
                    .assignments
                    .iter()
                    .take(until)
                    .rposition(|(key, _)| counts(key));
                found.map(|index| (number, index))
            })
    }
}

/// The elements of a list as it is written: separated by white space, with quotes and backslashes
/// (`MacroExpressionParsing.swift`, parseAsStringList).
pub(crate) fn elements(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut element: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (c, quote) {
            ('\\', _) => element.get_or_insert_default().extend(characters.next()),
            ('"' | '\'', None) => {
                quote = Some(c);
                element.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            (c, None) if c.is_ascii_whitespace() || c == '\u{b}' => all.extend(element.take()),
            (c, _) => element.get_or_insert_default().push(c),
        }
    }
    all.extend(element);
    all
}

fn answer(setting: &str, value: String, mut missing: Vec<String>) -> Answer {
    if missing.is_empty() {
        return Answer::Resolved(value);
    }
    missing.sort();
    missing.dedup();
    Answer::Unresolved {
        setting: setting.to_owned(),
        missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(levels: &[&[(&str, &str)]]) -> Settings {
        let own = |level: &&[(&str, &str)]| Level {
            origin: Origin::Target,
            assignments: level
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        };
        Settings {
            levels: levels.iter().map(own).collect(),
            ..Settings::from_assignments([], "iphoneos", "Release")
        }
    }

    #[track_caller]
    fn check(levels: &[&[(&str, &str)]], expected: &str) {
        assert_eq!(settings(levels).get("X"), Answer::Resolved(expected.to_owned()));
    }

    fn unresolved(names: &[&str]) -> Answer {
        Answer::Unresolved {
            setting: "X".to_owned(),
            missing: names.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn references_inheritance_and_operators_are_resolved() {
        check(
            &[
                &[("X", "$(PREFIX).app")],
                &[("PREFIX", "com.${ORG:lower}"), ("ORG", "ACME")],
            ],
            "com.acme.app",
        );
        check(&[&[("X", "$(inherited) b")], &[], &[("X", "a")]], "a b");
        check(&[&[("X", "$(X).b")], &[("X", "a")]], "a.b");
        check(&[&[("X", "$(A_$(B))"), ("A_c", "d"), ("B", "c")]], "d");
        check(
            &[&[("X", "$(N:rfc1034identifier)"), ("N", "My App 2!")]],
            "My-App-2-",
        );
        check(&[&[("X", "$(MISSING:default=y)")]], "y");
        check(&[&[("X", "$NAME costs 5$"), ("NAME", "it")]], "it costs 5$");
        check(&[&[("X", "$$(NAME) $[NAME]"), ("NAME", "it")]], "$(NAME) it");
        check(&[&[("X", "$(A_$(B:default=x):upper)"), ("A_x", "y")]], "Y");
        check(&[&[("X", "$(MISSING:default=$(ALSO:default=z))")]], "z");
        // A name without brackets takes dots: `$N.b` is the setting `N.b` (MacroExpressionParsing.swift).
        check(&[&[("X", "$(N)$(N).b"), ("N", "a:b")]], "a:ba:b.b");
        // An operator that the text ends with is not applied (MacroExpressionParsing.swift).
        check(&[&[("X", "$(N:lower"), ("N", "OPEN")]], "OPEN");
        check(&[&[("X", "$(N"), ("N", "OPEN")]], "OPEN");
        check(&[&[("X", "$(N:default=x")], &[("N", "")]], "x");
        // What follows without brackets belongs to the name.
        check(
            &[&[("X", "a.$N$(M)"), ("N", "n"), ("M", "m"), ("Nm", "both")]],
            "a.both",
        );
        check(&[&[("X", "$N${M}"), ("N", "n"), ("M", "m")]], "nm");
        check(&[&[("X", "$()a$(:default=b)")]], "ab");
        check(&[&[("X", "$X$inherited")]], "$X$inherited");
    }

    #[test]
    fn an_operator_is_for_text_and_not_for_nothing() {
        // An empty list gives no text, an empty text does (MacroEvaluationProgram.swift, hasHadAnyTextAppended;
        // MacroNamespace.swift, parseForMacro).
        check(&[&[("X", "$(A:not)"), ("A", "")]], "");
        check(&[&[("X", "$(PRODUCT_NAME:not)"), ("PRODUCT_NAME", "")]], "YES");
        check(
            &[&[("X", "$(A:not)"), ("A", "$(PRODUCT_NAME)"), ("PRODUCT_NAME", "")]],
            "YES",
        );
        check(&[&[("X", "$(A:not)"), ("A", "$(B)"), ("B", "")]], "");
        check(&[&[("X", "$(A:quote)$(A:dir)$(A:dir=x)"), ("A", "")]], "");
        check(&[&[("X", "$(A:dir=x:default=y)"), ("A", "")]], "y");
        check(
            &[&[("X", "$(A:1nope/b:lower)$(A:=x:lower)"), ("A", "UP")]],
            "upup",
        );
        // A backslash escapes in a list, such as a setting that Xcode does not know.
        check(&[&[("X", "$(A)"), ("A", "\\$(B)"), ("B", "b")]], "\\$(B)");
        check(
            &[&[("X", "$(PRODUCT_NAME)"), ("PRODUCT_NAME", "\\$(B)"), ("B", "b")]],
            "\\b",
        );
        check(&[&[("X", "$(A)"), ("A", "\\\\$(B)"), ("B", "b")]], "\\\\b");
    }

    #[test]
    fn assignments_of_one_level_chain() {
        check(
            &[&[("X", "a"), ("X", "$(inherited).b"), ("X", "$(inherited).c")]],
            "a.b.c",
        );
        check(
            &[&[("X", "a"), ("X[sdk=iphoneos*]", "$(inherited).phone")]],
            "a.phone",
        );
        check(
            &[&[("X", "a"), ("X[sdk=iphoneos*]", "$(X).phone")], &[("X", "low")]],
            "a.phone",
        );
        check(
            &[&[
                ("X", "a"),
                ("X[sdk=macosx*]", "m"),
                ("X[sdk=iphoneos*]", "$(inherited).b"),
            ]],
            "a.b",
        );
        check(
            &[&[("X", "$(inherited).b")], &[("X", "a"), ("X", "$(inherited).a")]],
            "a.a.b",
        );
        // The last assignment counts, conditional or not (MacroValueAssignmentTable push).
        check(&[&[("X[sdk=iphoneos*]", "x"), ("X", "y")]], "y");
        // Through another name it is still the next lower value.
        check(&[&[("X", "$(Y).b"), ("Y", "$(X)")], &[("X", "a")]], "a.b");
        check(&[&[("X", "$(Y)"), ("Y", "$(inherited)y")], &[("Y", "z")]], "zy");
        check(&[&[("X", "$(X)b")]], "b");
        check(&[&[("X", "")], &[("X", "hidden")]], "");
    }

    #[test]
    fn conditions_that_hold_win_within_their_level() {
        check(
            &[&[
                ("X", "any"),
                ("X[sdk=iphoneos*]", "device"),
                ("X[sdk=macosx*]", "mac"),
            ]],
            "device",
        );
        check(&[&[("X", "any")], &[("X[sdk=iphoneos*]", "device")]], "any");
        check(
            &[&[
                ("X[config=Debug]", "debug"),
                ("X[config=Release][arch=*]", "release"),
            ]],
            "release",
        );
        check(
            &[&[("X[sdk=embedded]", "fallback"), ("X[sdk=iphoneos*]", "own")]],
            "own",
        );
        check(
            &[&[("X[sdk=iphoneos*]", "own"), ("X[sdk=embedded]", "fallback")]],
            "own",
        );
        check(&[&[("X", "plain"), ("X[sdk=embedded]", "fallback")]], "fallback");
        // A key for the SDK's own name keeps the fallback out, even where its other conditions do not hold.
        check(
            &[&[
                ("X", "plain"),
                ("X[config=Debug][sdk=iphoneos*]", "own"),
                ("X[sdk=embedded]", "fallback"),
            ]],
            "plain",
        );
        check(&[&[("XY", "other"), ("X", "own")]], "own");
        check(
            &[&[("X[sdk=embedded]", "own"), ("X_Y[sdk=iphoneos*]", "other")]],
            "own",
        );
    }

    #[test]
    fn what_is_not_defined_is_named_and_loops_end() {
        assert_eq!(
            settings(&[&[("X", "$(A).$(B)"), ("A", "a")]]).get("X"),
            unresolved(&["B"])
        );
        assert_eq!(settings(&[&[("X", "group.$B")]]).get("X"), unresolved(&["B"]));
        assert_eq!(settings(&[&[("X", "$(B:lower)")]]).get("X"), unresolved(&["B"]));
        // Neither has a lower value (MacroEvaluationScope.swift).
        check(&[&[("X", "$(Y)"), ("Y", "$(X)")]], "");
        assert_eq!(settings(&[&[]]).get("X"), Answer::Unset);
    }

    #[test]
    fn a_gap_is_nothing_only_where_an_optional_include_alone_could_fill_it() {
        let mut own = settings(&[&[("X", "a$(B)"), ("Y", "a$(USER)")]]);
        assert_eq!(own.settled("X"), unresolved(&["B"]));
        let mut file = MissingFile {
            path: "Local.xcconfig".into(),
            included: Some(("App.xcconfig".into(), "Local.xcconfig".to_owned())),
            optional: true,
        };
        own.missing_files = vec![file.clone()];
        assert_eq!(own.settled("X"), Answer::Resolved("a".to_owned()));
        assert_eq!(own.get("X"), unresolved(&["B"]));
        // A build knows its user.
        assert!(matches!(own.settled("Y"), Answer::Unresolved { .. }));
        file.optional = false;
        own.missing_files.push(file);
        assert_eq!(own.settled("X"), unresolved(&["B"]));
    }

    #[test]
    fn what_xcodebuild_says_is_final_and_names_the_platform() {
        let own = settings(&[&[("X", "$(B)"), ("SDKROOT", "xros")]]);
        let told = |pairs: &[(&str, &str)]| {
            own.clone()
                .overridden(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
        };
        let path =
            "/Applications/Xcode.app/Contents/Developer/Platforms/XROS.platform/Developer/SDKs/XROS26.0.sdk";
        assert_eq!(
            told(&[("X", "$(C)")]).get("X"),
            Answer::Resolved("$(C)".to_owned())
        );
        assert_eq!(told(&[("SDKROOT", path)]).platform(), Some(Platform::Visionos));
        assert_eq!(
            told(&[("SDKROOT", path), ("SDK_NAME", "watchos26.0")]).platform(),
            Some(Platform::Watchos)
        );
        assert_eq!(
            told(&[("PLATFORM_NAME", "macosx"), ("SDK_VARIANT", "iosmac")]).platform(),
            Some(Platform::MacCatalyst)
        );
        assert_eq!(
            told(&[("PLATFORM_NAME", "macosx")]).platform(),
            Some(Platform::Macos)
        );
    }

    #[test]
    fn what_depends_on_an_edit_is_resolved_again() {
        let text = |text: &str| text.to_owned();
        let own = settings(&[&[
            ("X", "a.$(BASE)"),
            ("BASE", "$(DEVELOPMENT_TEAM)$(B)"),
            ("DEVELOPMENT_TEAM", "OLD"),
            ("Y", "y"),
        ]]);
        let told = [("X", "a.OLDb"), ("BASE", "OLDb"), ("B", "b"), ("Y", "z")];
        let told = own.overridden(told.map(|(key, value)| (text(key), text(value))));
        let edited = told.edited([(text("DEVELOPMENT_TEAM"), text("NEW"))]);
        assert_eq!(edited.get("X"), Answer::Resolved(text("a.NEWb")));
        assert_eq!(edited.get("Y"), Answer::Resolved(text("z")));
    }

    #[test]
    fn lists_are_split_at_bare_white_space() {
        let list = |text: &str| settings(&[&[("X", text)]]).list("X");
        assert_eq!(
            list(" a  b\t\"c d\" e\\ f '' g\"h i\"j "),
            ["a", "b", "c d", "e f", "", "gh ij"]
        );
        assert_eq!(list(""), [""; 0]);
    }

    #[test]
    fn booleans_go_by_their_beginning() {
        let truth = |text: &str| Answer::Resolved(text.to_owned()).boolean();
        for text in ["YES", "yes", "true", "1", "Yeah"] {
            assert_eq!(truth(text), Some(true), "{text}");
        }
        for text in ["NO", "0", " YES", "false"] {
            assert_eq!(truth(text), Some(false), "{text}");
        }
        assert_eq!(truth(""), None);
        assert_eq!(Answer::Unset.boolean(), None);
    }
}
