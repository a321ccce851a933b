//! Attacks on the real binaries: servers that lie, tools that misbehave, inputs that are bombs, signals, races, and places
//! that somebody prepared.
//!
//! Each function is one attack, and its name is the claim that it attacks. What the other side does is what a hostile one
//! may do; nothing here needs to look like Apple. A line for each, as it ends:
//!
//! ```text
//! PASS|FAIL name [seconds, peak memory of a step]: what went wrong
//! ```
//!
//! then `N passed, M failed`. Arguments are parts of names: only those attacks are made.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

mod files;
mod inputs;
mod lab;
mod launcher;
mod races;
mod secrets;
mod servers;
mod signals;
mod tools;

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// A claim, and what attacks it.
struct Attack {
    group: &'static str,
    name: &'static str,
    run: fn(),
}

macro_rules! attacks {
    ($($group:ident { $($name:ident),* $(,)? })*) => {
        [$($(Attack { group: stringify!($group), name: stringify!($name), run: $group::$name }),*),*]
    };
}

/// Those that wait for a limit come first.
const ATTACKS: &[Attack] = &attacks! {
    tools {
        an_envman_that_hangs_is_stopped_and_named,
        a_git_that_hangs_is_stopped_and_the_lane_counts,
        a_tool_that_hangs_ends_with_its_part_of_the_run,
        children_that_stay_behind_hold_nothing_up,
        a_tool_that_prints_without_end_fills_no_memory,
        a_tool_that_is_none_is_named,
        what_a_tool_prints_can_not_be_taken_for_the_steps_own_failure,
        bytes_that_are_no_text_break_nothing,
        a_tool_that_a_signal_ends_is_no_success,
    }
    servers {
        credentials_follow_no_redirect_to_another_host,
        the_sign_in_follows_no_redirect,
        answers_without_end_fill_no_memory,
        compressed_bombs_fill_no_memory,
        pages_without_end_end,
        an_empty_list_that_says_it_has_entries_is_an_error,
        a_broken_answer_is_asked_for_once_and_half_of_one_again,
        the_proof_of_the_password_is_sent_once,
        certificates_come_over_https_or_from_this_machine,
        a_tls_certificate_for_another_name_is_named_and_not_tried_again,
        a_proxy_that_asks_for_credentials_is_named_and_not_asked_again,
        cookies_with_any_lifetime_are_taken,
        a_server_that_drips_every_answer_ends_with_its_part_of_the_run,
        heads_without_end_fill_no_memory,
        answers_of_another_kind_are_errors,
    }
    inputs {
        no_number_of_any_step_crashes_it,
        numbers_at_their_limits_crash_no_run,
        a_device_or_a_pipe_is_no_file,
        nesting_without_end_overflows_no_stack,
        a_bad_installed_profile_is_skipped_with_a_note,
        escape_codes_in_a_project_can_not_forge_the_failure,
        a_clock_beyond_the_calendar_is_an_error,
        packages_that_are_bombs_fill_no_memory,
    }
    files {
        a_pipe_in_the_place_of_any_file_holds_nothing_up,
        places_that_others_prepared_are_not_written_through,
    }
    secrets {
        a_private_key_in_the_place_of_its_path_is_printed_nowhere,
        a_private_key_in_any_input_is_printed_nowhere,
        what_a_lane_prints_is_masked_in_every_form,
        a_key_that_nobody_named_is_masked_in_what_a_lane_prints,
        a_key_that_a_lane_prints_wrapped_or_in_pieces_is_masked,
        key_files_are_private_whatever_the_umask_says,
        credentials_in_addresses_are_not_shown,
        escape_codes_from_a_server_can_not_forge_the_failure,
    }
    signals {
        at_any_moment_a_signal_leaves_no_key_behind,
        a_second_signal_ends_a_run_whose_tool_does_not_listen,
        nobody_who_reads_the_log_is_no_reason_to_crash,
    }
    races {
        builds_at_the_same_time_share_a_home_and_lose_nothing,
        what_takes_the_projects_place_meanwhile_is_not_written_through,
        a_temporary_directory_that_goes_away_is_an_error,
    }
    launcher {
        an_indicator_of_gradle_is_not_written_through_a_link,
        a_cached_program_that_was_replaced_is_not_run,
        without_a_home_no_place_of_everybodys_is_used,
        what_was_planted_without_a_home_is_not_run,
    }
};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let chosen: Vec<&Attack> = ATTACKS
        .iter()
        .filter(|attack| {
            words.is_empty()
                || words.iter().any(|word| {
                    attack.title().contains(word.as_str()) || attack.path().contains(word.as_str())
                })
        })
        .collect();
    if std::env::args().any(|word| word == "--list") {
        chosen
            .iter()
            .for_each(|attack| println!("{}: test", attack.path()));
        return ExitCode::SUCCESS;
    }
    // What failed is printed with its attack.
    std::panic::set_hook(Box::new(|_| {}));
    let (next, failed, line) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(attack) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let report = attack.report();
                    let _one_at_a_time = line.lock().unwrap();
                    println!(
                        "{}",
                        report.unwrap_or_else(|report| {
                            failed.fetch_add(1, Ordering::Relaxed);
                            report
                        })
                    );
                }
            });
        }
    });
    let failed = failed.into_inner();
    println!("{} passed, {failed} failed", chosen.len() - failed);
    ExitCode::from(u8::from(failed > 0))
}

impl Attack {
    fn path(&self) -> String {
        format!("{}::{}", self.group, self.name)
    }

    fn title(&self) -> String {
        format!("{}: {}", self.group, self.name.replace('_', " "))
    }

    /// The line about it.
    fn report(&self) -> Result<String, String> {
        let started = Instant::now();
        lab::begin();
        let ended = std::panic::catch_unwind(AssertUnwindSafe(self.run));
        let seconds = started.elapsed().as_secs_f64();
        let measured = format!("{} [{seconds:.1} s, {} MB]", self.title(), lab::peak());
        ended.map(|()| format!("PASS {measured}")).map_err(|panic| {
            let words = panic.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()));
            format!("FAIL {measured}: {}", words.unwrap_or_default())
        })
    }
}
