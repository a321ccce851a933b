//! Which devices are registered: those of team members on Bitrise, or those of a file.

use std::path::Path;

use apple_account::TestDevice;
use apple_types::Udid;
use step_kit::{InputProblem, InputProblems, Step};

use crate::options::Options;

/// More than any list of devices: Apple takes a few hundred a year.
const LARGEST_LIST: u64 = 1 << 20;

/// The devices to register; none where that is not asked for.
///
/// # Errors
/// When the file of UDIDs can't be read, or names none.
pub(crate) fn to_register(
    step: &Step<Options>,
    on_bitrise: &[TestDevice],
) -> anyhow::Result<Vec<provisioning::TestDevice>> {
    let inputs = &step.inputs;
    let Some(path) = &inputs.test_device_list else {
        let all = on_bitrise.iter().filter(|_| inputs.register_test_devices);
        return Ok(all
            .map(|device| provisioning::TestDevice {
                udid: device.udid.clone(),
                name: device.title.clone(),
            })
            .collect());
    };
    if !inputs.register_test_devices {
        step.log
            .warn("test_device_list_path is ignored, because register_test_devices is `no`.");
        return Ok(Vec::new());
    }
    let problem = |text: String| InputProblems::from(InputProblem::new("test_device_list_path", text));
    let text = files::read_text(Path::new(path), LARGEST_LIST)
        .map_err(|error| problem(format!("`{path}` can't be read: {error}")))?;
    let devices = parse(&text);
    if devices.is_empty() {
        return Err(problem(format!(
            "`{path}` names no device; it takes UDIDs, separated by commas"
        ))
        .into());
    }
    step.log.plain(format!(
        "{} from {path}, which takes the place of those on Bitrise.",
        match devices.len() {
            1 => "1 test device".to_owned(),
            count => format!("{count} test devices"),
        }
    ));
    Ok(devices)
}

/// Reads UDIDs: separated by commas only, as go-xcode reads them (2026-05-14).
fn parse(text: &str) -> Vec<provisioning::TestDevice> {
    text.split(',')
        .filter_map(Udid::new)
        .enumerate()
        .map(|(index, udid)| provisioning::TestDevice {
            udid,
            name: format!("Device {}", index + 1),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn udids_are_separated_by_commas_alone() {
        let udids = |text: &str| -> Vec<String> {
            parse(text)
                .into_iter()
                .map(|device| device.udid.to_string())
                .collect()
        };
        assert_eq!(udids("\n a , b,\nc\n,"), ["a", "b", "c"]);
        assert_eq!(udids("a\nb"), ["a\nb"]);
        assert!(udids(" \n").is_empty());
        assert_eq!(parse("a,b")[1].name, "Device 2");
    }
}
