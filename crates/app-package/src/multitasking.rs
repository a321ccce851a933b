//! What an app must say about how it appears and works: multitasking on iPad, and tasks in the background.
//!
//! Apple's words of ITMS-90474 and ITMS-90475 in 2025 and 2026: all four orientations are needed "to support iPad
//! multitasking" (krelltunez/lifeGLANCE #164), and a launch storyboard of which the file is in the bundle
//! (theachoem/storypad #351), or `UILaunchScreen` "if the app's MinimumOSVersion is 14 or higher"
//! (codenameone/CodenameOne #5230, 2026-06-12).

use crate::ipa::Contents;
use crate::{App, Obstacle, Package, StorePlatform};

const ORIENTATIONS: [&str; 4] = [
    "UIInterfaceOrientationPortrait",
    "UIInterfaceOrientationPortraitUpsideDown",
    "UIInterfaceOrientationLandscapeLeft",
    "UIInterfaceOrientationLandscapeRight",
];

/// The oldest system with which `UILaunchScreen` is enough.
const LAUNCH_SCREEN: u64 = 14;

/// What speaks against the package; nothing where it is no real app, which proves nothing by what it lacks.
pub(crate) fn obstacles(package: &Package) -> Vec<Obstacle> {
    let app = &package.app;
    let contents = package
        .contents
        .as_deref()
        .filter(|contents| contents.code.executable.is_some());
    let Some(contents) = contents.filter(|_| app.platform() == Ok(StorePlatform::Ios)) else {
        return Vec::new();
    };
    let mut obstacles = Vec::new();
    let says = &app.presentation;
    if says.background_modes.iter().any(|mode| mode == "processing") && says.background_tasks.is_empty() {
        obstacles.push(Obstacle::BackgroundTasks);
    }
    let is_watch = app.platform_name.as_deref() == Some("watchos");
    let is_shown = says.is_for_ipad && !is_watch && !says.is_container && !app.is_for_simulator();
    if !is_shown || says.requires_full_screen {
        return obstacles;
    }
    let lacking: Vec<&str> = ORIENTATIONS
        .into_iter()
        .filter(|orientation| !says.orientations.iter().any(|own| own == orientation))
        .collect();
    if !lacking.is_empty() {
        obstacles.push(Obstacle::Orientations(lacking));
    }
    obstacles.extend(launch_screen(app, contents));
    obstacles
}

fn launch_screen(app: &App, contents: &Contents) -> Option<Obstacle> {
    let says = &app.presentation;
    let version = app.minimum_os_version.as_deref();
    let oldest = version.and_then(|version| version.split('.').next()?.parse::<u64>().ok());
    // Of an unknown system nothing is said.
    let is_enough = says.has_launch_screen && oldest.is_none_or(|oldest| oldest >= LAUNCH_SCREEN);
    let reason = match &says.launch_storyboard {
        _ if is_enough => return None,
        Some(name) if contents.storyboards.contains(name) => return None,
        // Its variant for iPad is another file.
        Some(name) if contents.storyboards.contains(&format!("{name}~ipad")) => return None,
        Some(name) => match name.strip_suffix(".storyboard") {
            Some(plain) => {
                format!("`UILaunchStoryboardName` is `{name}`, and must be `{plain}`, without the extension")
            }
            None => format!(
                "`UILaunchStoryboardName` is `{name}`, and the app holds no `{name}.storyboardc`; add the storyboard to the target"
            ),
        },
        None if says.has_launch_screen => format!(
            "`UILaunchScreen` is enough with a `MinimumOSVersion` of {LAUNCH_SCREEN}.0 or later only, and it is {}; set `UILaunchStoryboardName`, too",
            version.unwrap_or_default()
        ),
        None => "the Info.plist has neither `UILaunchScreen` nor `UILaunchStoryboardName`".to_owned(),
    };
    Some(Obstacle::LaunchScreen(reason))
}
