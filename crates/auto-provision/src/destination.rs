//! Which platform an archive is for.

use provisioning::Distribution;
use step_kit::{InputProblem, InputProblems};
use xcode_project::{Platform, Support, Target};

use crate::options::{Options, PlatformName};

/// The platform that was chosen, and what to say about it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// `None` where nobody says it.
    pub(crate) platform: Option<Platform>,
    pub(crate) note: Option<String>,
    pub(crate) warning: Option<String>,
}

/// The platform that the inputs name; `None` for `automatic`.
pub(crate) fn requested_platform(inputs: &Options) -> Result<Option<Platform>, InputProblems> {
    let named = match inputs.platform {
        PlatformName::Automatic => None,
        PlatformName::Ios => Some(Platform::Ios),
        PlatformName::Tvos => Some(Platform::Tvos),
        PlatformName::Watchos => Some(Platform::Watchos),
        PlatformName::Visionos => Some(Platform::Visionos),
        PlatformName::Macos => Some(Platform::Macos),
        PlatformName::MacCatalyst => Some(Platform::MacCatalyst),
    };
    match named {
        Some(platform) if inputs.mac_catalyst && platform != Platform::MacCatalyst => {
            let problem = format!(
                "`{}` contradicts the input mac_catalyst, which is `yes`: use one of them",
                input(platform)
            );
            Err(InputProblems::from(InputProblem::new("platform", problem)))
        }
        named => Ok(named),
    }
}

/// The platform of an archive of `main`: the one that the inputs name, else iOS wherever it is listed.
pub(crate) fn choose(
    inputs: &Options,
    main: &Target,
    wanted: Option<Platform>,
    support: Option<&Support>,
) -> Result<Chosen, InputProblems> {
    let supported = support
        .map(|support| support.platforms.clone())
        .unwrap_or_default();
    let has = |platform: Platform| supported.contains(&platform);
    let names = |platforms: &[Platform]| {
        let names: Vec<&str> = platforms.iter().map(|platform| platform.name()).collect();
        names.join(", ")
    };
    if let Some(platform) = wanted {
        if !supported.is_empty() && !has(platform) {
            let accepted: Vec<String> = supported
                .iter()
                .map(|platform| format!("`{}`", input(*platform)))
                .collect();
            let problem = format!(
                "`{}`: the target `{}` is not built for {}; it supports {}",
                input(platform),
                main.name,
                platform.name(),
                accepted.join(", ")
            );
            return Err(InputProblems::from(InputProblem::new("platform", problem)));
        }
        return Ok(Chosen {
            platform: Some(platform),
            note: None,
            warning: None,
        });
    }
    let mut warning = None;
    if inputs.mac_catalyst {
        if has(Platform::MacCatalyst) {
            return Ok(Chosen {
                platform: Some(Platform::MacCatalyst),
                note: None,
                warning,
            });
        }
        if support.is_some() {
            warning = Some(format!(
                "mac_catalyst is `yes`, but SUPPORTS_MACCATALYST of the target `{}` is not: signing it for {}.",
                main.name,
                names(&supported)
            ));
        }
    }
    // A Developer ID signs for the Mac alone.
    let is_for_mac = inputs.distribution == Distribution::DeveloperId;
    let of_mac = [Platform::Macos, Platform::MacCatalyst]
        .into_iter()
        .find(|platform| is_for_mac && has(*platform));
    let platform = of_mac.or_else(|| support.and_then(Support::preferred));
    let note = platform.and_then(|platform| {
        let others: Vec<Platform> = supported
            .iter()
            .copied()
            .filter(|other| *other != platform)
            .collect();
        let name = platform.name();
        if others.is_empty() {
            None
        } else {
            let others = names(&others);
            Some(format!(
                "The project also supports {others}; signing for {name}. Set the input `platform` to choose another."
            ))
        }
    });
    Ok(Chosen {
        platform,
        note,
        warning,
    })
}

/// A platform's name as the input `platform` has it.
fn input(platform: Platform) -> &'static str {
    match platform {
        Platform::Ios => "ios",
        Platform::Tvos => "tvos",
        Platform::Watchos => "watchos",
        Platform::Visionos => "visionos",
        Platform::Macos => "macos",
        Platform::MacCatalyst => "mac-catalyst",
        Platform::DriverKit => "driverkit",
    }
}
