//! The steps fastlane and deliver with a real fastlane: 2.146.1, with the Ruby that npm's
//! `@expo/traveling-fastlane-linux` carries. `npm ci` in `e2e/fastlane` installs it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use apple_sandbox::{Sandbox, Seed};
use e2e::{Machine, Run, ipa, secrets};

const PASSWORD: &str = "p4ss: #word";

/// Where the package is.
fn package() -> std::path::PathBuf {
    let path = e2e::repository().join("e2e/fastlane/node_modules/@expo/traveling-fastlane-linux");
    assert!(
        path.join("dist/lib/ruby/bin/ruby").is_file(),
        "run `npm ci` in e2e/fastlane"
    );
    path
}

/// A machine whose `fastlane` is the real one, with a Fastfile.
fn machine(sandbox: &Sandbox, fastfile: &str) -> Machine {
    let package = package();
    let mut machine = Machine::new();
    machine.meets(sandbox);
    let start = r#"require "fastlane"; require "fastlane/cli_tools_distributor"; FastlaneCore; Fastlane::CLIToolsDistributor.take_off"#;
    machine.tool(
        "fastlane",
        &format!(
            "export BUNDLE_GEMFILE='{0}/dist/lib/vendor/Gemfile'; unset BUNDLE_IGNORE_CONFIG\nexec '{0}/dist/lib/ruby/bin/ruby' -W0 -rbundler/setup -e '{start}' -- \"$@\"",
            package.display()
        ),
    );
    machine.file("project/fastlane/Fastfile", fastfile);
    machine.set("LANG", "C.UTF-8").set("LC_ALL", "C.UTF-8");
    machine
}

fn lane(machine: &Machine, sandbox: &Sandbox, lane: &str, inputs: &[(&str, &str)]) -> Run {
    let mut all = vec![
        ("lane", lane),
        ("update_fastlane", "false"),
        ("enable_cache", "no"),
    ];
    all.extend(inputs);
    let mut hidden = secrets(sandbox);
    hidden.extend([PASSWORD, "HSARMTKNSRVX: the #1 s3cret", "abcd-efgh-ijkl-mnop"].map(str::to_owned));
    let run = machine.run("step-fastlane", &all).kept(&hidden);
    assert_eq!(machine.leftovers(&hidden), Vec::<std::path::PathBuf>::new());
    run
}

/// An Apple ID with a session whose cookies are as awkward as cookies can be.
fn with_session() -> Seed {
    let mut seed = Seed::default();
    let cookies: Vec<_> = [
        ("myacinfo", "HSARMTKNSRVX: the #1 s3cret"),
        ("DES5c148586daa451e55afb017aa62418f91", "*star"),
        ("yes", "yes"),
        ("number", "1_000"),
        ("clock", "12:30:45"),
        ("digits", "0123456789"),
        ("quotes", "a'b\\\"c"),
    ]
    .iter()
    .map(|(name, value)| serde_json::json!({"name": name, "value": value, "path": "/", "domain": "idmsa.apple.com", "secure": true, "httponly": true}))
    .collect();
    for (key, value) in [
        ("key_id", serde_json::Value::Null),
        ("issuer_id", serde_json::Value::Null),
        ("private_key", serde_json::Value::Null),
        ("apple_id", "ada@example.com".into()),
        ("password", PASSWORD.into()),
        ("app_specific_password", "abcd-efgh-ijkl-mnop".into()),
        (
            "session_cookies",
            serde_json::json!({"https://idmsa.apple.com": cookies}),
        ),
    ] {
        seed.connection.insert(key.to_owned(), value);
    }
    seed
}

#[test]
#[cfg_attr(no_real_fastlane, ignore = "run `npm ci` in e2e/fastlane for a real fastlane")]
fn a_lane_gets_its_options_as_they_were_written() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let fastfile = "lane :beta do |options|\n  puts \"notes=<#{options[:notes]}> n=<#{options[:n]}> skip=<#{ENV['FASTLANE_SKIP_UPDATE_CHECK']}> usage=<#{ENV['FASTLANE_OPT_OUT_USAGE']}>\"\nend\n";
    let machine = machine(&sandbox, fastfile);
    lane(
        &machine,
        &sandbox,
        r#"beta "notes:It's \"new\", isn't it?" n:'two  blanks'"#,
        &[],
    )
    .ended(0)
    .said(&[
        r#"notes=<It's "new", isn't it?> n=<two  blanks> skip=<"#,
        "The lane succeeded",
    ]);
}

#[test]
#[cfg_attr(no_real_fastlane, ignore = "run `npm ci` in e2e/fastlane for a real fastlane")]
fn a_failing_lane_keeps_its_status_and_leaves_logs_without_secrets() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let fastfile = "lane :beta do\n  puts File.read(ENV['APP_STORE_CONNECT_API_KEY_PATH'])\n  UI.user_error!('the tests are red')\nend\n";
    let machine = machine(&sandbox, fastfile);
    let run = lane(&machine, &sandbox, "beta", &[]).said(&["the tests are red", "the lane `beta` failed"]);
    assert_eq!(run.status, Some(1), "{}", run.text);
    assert!(machine.path("deploy/fastlane_env.log").is_file(), "{}", run.text);
}

#[test]
#[cfg_attr(no_real_fastlane, ignore = "run `npm ci` in e2e/fastlane for a real fastlane")]
fn ruby_reads_the_key_file_and_signs_with_it() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let fastfile = "require 'json'\nrequire 'openssl'\nlane :beta do\n  key = JSON.parse(File.read(ENV['APP_STORE_CONNECT_API_KEY_PATH']))\n  signer = OpenSSL::PKey::EC.new(key['key'])\n  puts \"id=#{key['key_id']} issuer=#{key['issuer_id']} house=#{key['in_house']} life=#{key['duration']} curve=#{signer.group.curve_name} private=#{signer.private_key?} mode=#{'%o' % (File.stat(ENV['APP_STORE_CONNECT_API_KEY_PATH']).mode & 0777)}\"\nend\n";
    let machine = machine(&sandbox, fastfile);
    let issuer = sandbox.state().issuer_id.clone().unwrap();
    lane(&machine, &sandbox, "beta", &[]).ended(0).said(&[&format!(
        "id=SBXKEY1234 issuer={issuer} house=false life=1200 curve=prime256v1 private=true mode=600"
    )]);
}

#[test]
#[cfg_attr(no_real_fastlane, ignore = "run `npm ci` in e2e/fastlane for a real fastlane")]
fn http_cookie_reads_the_session_with_every_awkward_value() {
    let sandbox = Sandbox::start(&with_session()).unwrap();
    // As spaceship does it.
    let fastfile = "require 'http/cookie'\nrequire 'yaml'\nlane :beta do\n  cookies = YAML.safe_load(ENV['FASTLANE_SESSION'], [HTTP::Cookie, Time])\n  puts \"names=#{cookies.map(&:name).join(',')}\"\n  puts \"values=#{cookies.map { |c| c.value.class }.uniq.join(',')} lengths=#{cookies.map { |c| c.value.length }.join(',')}\"\n  jar = HTTP::CookieJar.new\n  cookies.each { |cookie| jar.add(cookie) }\n  puts \"sent=#{jar.cookies('https://idmsa.apple.com/appleauth').length} user=#{ENV['FASTLANE_USER']}\"\nend\n";
    let machine = machine(&sandbox, fastfile);
    lane(&machine, &sandbox, "beta", &[]).ended(0).said(&[
        "names=myacinfo,DES5c148586daa451e55afb017aa62418f91,yes,number,clock,digits,quotes",
        "values=String lengths=27,5,3,5,8,10,6",
        "sent=7 user=ada@example.com",
    ]);
}

#[test]
#[cfg_attr(no_real_fastlane, ignore = "run `npm ci` in e2e/fastlane for a real fastlane")]
fn deliver_is_called_as_fastlane_understands_it() {
    let sandbox = Sandbox::start(&with_session()).unwrap();
    let machine = machine(&sandbox, "");
    let package = machine.file("App with blanks & more.ipa", ipa(&[]));
    // The network is not there: deliver gets as far as its sign-in, which proves that it took its options.
    let inputs = [
        ("ipa_path", package.as_str()),
        ("bundle_id", "com.example.courier"),
        ("fastlane_version", ""),
        ("options", "--app_version 1.2.3 --no_such_option"),
    ];
    let mut hidden = secrets(&sandbox);
    hidden.push(PASSWORD.to_owned());
    let run = machine.run("step-deliver", &inputs).kept(&hidden);
    assert_ne!(run.status, Some(0), "{}", run.text);
    run.said(&["invalid option: --no_such_option"]);
    assert_eq!(machine.leftovers(&hidden), Vec::<std::path::PathBuf>::new());
}

#[test]
#[cfg_attr(no_real_fastlane, ignore = "run `npm ci` in e2e/fastlane for a real fastlane")]
fn spaceship_takes_the_session_and_reads_the_sandbox() {
    let device = |name: &str, class: &str, udid: &str| apple_sandbox::SeedDevice {
        name: name.to_owned(),
        udid: udid.to_owned(),
        device_class: class.to_owned(),
        status: "ENABLED".to_owned(),
    };
    let mut seed = Seed {
        bundle_ids: [(
            "com.example.courier".to_owned(),
            vec!["PUSH_NOTIFICATIONS".to_owned(), "ICLOUD".to_owned()],
        )]
        .into(),
        profiles: vec![
            apple_sandbox::SeedProfile {
                name: "Ours".to_owned(),
                bundle_id: "com.example.courier".to_owned(),
                profile_type: "IOS_APP_ADHOC".to_owned(),
                ..Default::default()
            },
            apple_sandbox::SeedProfile {
                name: "Broken".to_owned(),
                bundle_id: "com.example.courier".to_owned(),
                state: "INVALID".to_owned(),
                ..Default::default()
            },
        ],
        ..Seed::default()
    };
    seed.devices
        .push(device("Living room", "APPLE_TV", "00008110-0A1B2C3D4E5F0011"));
    for key in ["key_id", "issuer_id", "private_key"] {
        seed.connection.insert(key.to_owned(), serde_json::Value::Null);
    }
    let sandbox = Sandbox::start(&seed).unwrap();
    let machine = machine(&sandbox, include_str!("../fastlane/spaceship.Fastfile"));
    lane(&machine, &sandbox, "look", &[]).ended(0).said(&[
        "team=SBXTEAM123 Company/Organization",
        "device=Ada's iPhone iphone 00008101-000A1B2C3D4E001E",
        "device=Living room tvOS",
        "certificate=AppleDevelopment true",
        "certificate=AppleDistribution true",
        "app=com.example.courier push=true cloud=2",
        "profile=Ours AdHoc Active app=com.example.courier devices=3 certificates=1",
        "profile=Broken Development Invalid",
        "file=true",
        "made=By spaceship",
        "v1=com.example.courier devices=4 certificates=2",
        "enabled=200",
    ]);
    let state = sandbox.state();
    assert!(
        !state
            .requests
            .iter()
            .any(|request| request.path.starts_with("/appleauth/"))
    );
    assert!(state.devices.iter().any(|device| device.name == "By spaceship"));
    let capabilities = &state.bundle_ids[0].capabilities;
    assert!(capabilities.iter().any(|one| one.capability_type == "WEATHERKIT"));
}

#[test]
#[cfg_attr(no_real_fastlane, ignore = "run `npm ci` in e2e/fastlane for a real fastlane")]
fn every_documented_variable_leads_to_the_api_key() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let fastfile = "require 'json'\nrequire 'openssl'\nlane :beta do\n  %w[APP_STORE_CONNECT_API_KEY_PATH DELIVER_API_KEY_PATH PILOT_API_KEY_PATH].each do |name|\n    key = OpenSSL::PKey::EC.new(JSON.parse(File.read(ENV[name]))['key'])\n    puts \"#{name} signs=#{key.dsa_verify_asn1('digest', key.dsa_sign_asn1('digest'))}\"\n  end\nend\n";
    let machine = machine(&sandbox, fastfile);
    lane(&machine, &sandbox, "beta", &[]).ended(0).said(&[
        "APP_STORE_CONNECT_API_KEY_PATH signs=true",
        "DELIVER_API_KEY_PATH signs=true",
        "PILOT_API_KEY_PATH signs=true",
    ]);
}

#[test]
#[cfg_attr(no_real_fastlane, ignore = "run `npm ci` in e2e/fastlane for a real fastlane")]
fn a_real_fastlane_fails_for_the_reason_that_it_gives() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let fastfile = r#"
lane(:tests) { sh("echo 'Your session has expired'; echo 'Two-factor Authentication'; exit 3") }
lane(:apple) { latest_testflight_build_number(app_identifier: "com.example.x", username: "ada@example.com") }
error { |lane, exception| puts "the error block of #{lane}" }
"#;
    let mut machine = machine(&sandbox, fastfile);
    // No address answers: fastlane's sign-in asks for the service key in vain.
    for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
        machine.set(name, "http://127.0.0.1:9");
    }
    machine.set("FASTLANE_PASSWORD", PASSWORD);
    for (name, words, never) in [
        (
            "tests",
            &["the action `", "Exit status of command", "failed"][..],
            "Re-authenticate",
        ),
        (
            "apple",
            &[
                "the action `latest_testflight_build_number` failed",
                "the connection to Apple failed",
            ],
            "2.240.0",
        ),
    ] {
        let run = lane(&machine, &sandbox, name, &[("connection", "off")])
            .ended(1)
            .said(words);
        let block = run.text.rsplit("failed\n").next().unwrap();
        assert!(!block.contains(never), "{name}\n{}", run.text);
    }
}

#[test]
#[cfg_attr(no_real_fastlane, ignore = "run `npm ci` in e2e/fastlane for a real fastlane")]
fn a_real_ruby_reads_utf8_without_a_locale() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let fastfile = "# Grüße\nlane :beta do\n  puts \"encoding=#{Encoding.default_external} #{File.read('text').length}\"\nend\n";
    for (key, value) in [("LC_ALL", "C"), ("LC_ALL", "POSIX")] {
        let mut machine = machine(&sandbox, fastfile);
        machine.set("LANG", "").set(key, value);
        machine.file("project/fastlane/text", "Grüße");
        lane(&machine, &sandbox, "beta", &[])
            .ended(0)
            .said(&["Running Ruby with LC_ALL=", "encoding=UTF-8 5"]);
    }
}

/// The system's Bundler, in its own words.
#[test]
#[cfg_attr(
    no_bundler,
    ignore = "there is no /usr/bin/bundle (Debian: apt-get install bundler)"
)]
fn a_real_bundler_finds_the_gemfile_above_and_says_what_it_lacks() {
    let sandbox = Sandbox::start(&Seed::default()).unwrap();
    let mut machine = Machine::new();
    machine.meets(&sandbox);
    machine.file("project/ios/fastlane/Fastfile", "lane(:beta) {}\n");
    machine.file(
        "project/gems.rb",
        "ruby '9.9.9'\ngem 'fastlane', path: 'tools/fastlane'\n",
    );
    machine.file(
        "project/gems.locked",
        "PATH\n  remote: tools/fastlane\n  specs:\n    fastlane (2.999.0)\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  fastlane!\n",
    );
    machine.file(
        "project/tools/fastlane/fastlane.gemspec",
        "Gem::Specification.new { |s| s.name = 'fastlane'; s.version = '2.999.0'; s.summary = 'x'; s.authors = ['x'] }\n",
    );
    let inputs = [("lane", "beta"), ("work_dir", "ios"), ("enable_cache", "no")];
    machine.run("step-fastlane", &inputs).ended(1).said(&[
        "gems.locked pins fastlane 2.999.0",
        "but your Gemfile specified 9.9.9",
        "the Gemfile requires Ruby 9.9.9",
        "Next:",
    ]);
}
