//! The sandbox's page in a real browser. Needs Chromium; `SCREENSHOTS` names a folder to keep the picture in.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: what fails ends the test"
)]

use std::path::PathBuf;
use std::process::Command;

use apple_sandbox::{Fault, Kind, Sandbox, Seed, SeedGroup, SeedProfile, SeedRelease, Situation};

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| ["chromium", "chromium-browser", "google-chrome"].map(|name| folder.join(name)))
        .find(|candidate| candidate.is_file())
}

fn browse(arguments: &[&str]) -> String {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(chromium().unwrap())
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--virtual-time-budget=3000",
        ])
        .arg(format!("--user-data-dir={}", home.path().display()))
        .args(arguments)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
#[cfg_attr(no_chromium, ignore = "Chromium is not installed")]
fn the_page_shows_what_the_sandbox_knows_and_fits_every_screen() {
    let sandbox = Sandbox::start(&Seed {
        bundle_ids: [(
            "com.example.courier".to_owned(),
            vec!["PUSH_NOTIFICATIONS".to_owned()],
        )]
        .into(),
        profiles: vec![SeedProfile {
            name: "Bitrise iOS app-store - (com.example.courier)".to_owned(),
            profile_type: "IOS_APP_STORE".to_owned(),
            bundle_id: "com.example.courier".to_owned(),
            days: 100,
            state: "ACTIVE".to_owned(),
            ..SeedProfile::default()
        }],
        ..Seed::default()
    })
    .unwrap();
    sandbox.fail(Fault::times("POST /v1/profiles", 3, Kind::ServerError));
    for size in ["--window-size=500,1400", "--window-size=1280,1100"] {
        let dom = browse(&[size, "--dump-dom", &sandbox.url()]);
        for words in [
            "Bitrise iOS app-store - (com.example.courier)",
            "PUSH_NOTIFICATIONS",
            "Studio iPad",
            "server-error</td><td>POST /v1/profiles</td><td>3 more",
            "Team SBXTEAM123",
            "Apple ID ada@example.com: connected, s2k, second factor, trusted device, on App Store Connect, 1 live session, 1 team",
            "data-overflow=\"0\"",
        ] {
            assert!(dom.contains(words), "{words}\n{dom}");
        }
        assert!(!dom.contains(&sandbox.state().build_api_token));
        assert!(!dom.contains(&sandbox.state().apple_id.seed.password));
    }
    let folder = tempfile::tempdir().unwrap();
    let pictures = std::env::var_os("SCREENSHOTS").map_or_else(|| folder.path().to_owned(), PathBuf::from);
    let picture = pictures.join("sandbox.png");
    browse(&[
        "--window-size=1280,1100",
        &format!("--screenshot={}", picture.display()),
        &sandbox.url(),
    ]);
    assert!(picture.metadata().unwrap().len() > 10_000);
}

/// A page that drives another one in a frame would be of another origin: the sandbox's own page is opened at a place, and
/// a script that runs after its own clicks there.
fn dom_after(sandbox: &Sandbox, hash: &str) -> String {
    browse(&[
        "--window-size=1280,1100",
        "--dump-dom",
        &format!("{}/#{hash}", sandbox.url()),
    ])
}

fn seeded() -> Sandbox {
    Sandbox::start(&Seed {
        bundle_ids: [(
            "com.example.courier".to_owned(),
            vec!["PUSH_NOTIFICATIONS".to_owned()],
        )]
        .into(),
        ..Seed::default()
    })
    .unwrap()
}

#[test]
#[cfg_attr(no_chromium, ignore = "Chromium is not installed")]
fn the_page_browses_the_api_from_a_list_to_a_resource_and_its_relationships() {
    let sandbox = seeded();
    let list = dom_after(&sandbox, "/v1/bundleIds");
    assert!(
        list.contains("GET /v1/bundleIds: HTTP 200") && list.contains("Seeded com example courier"),
        "{list}"
    );
    let id = sandbox.state().bundle_ids[0].id.clone();
    let one = dom_after(&sandbox, &format!("/v1/bundleIds/{id}"));
    for words in [
        "value=\"com.example.courier\"".to_owned(),
        "bundleIdCapabilities".to_owned(),
        format!("#/v1/bundleIds/{id}/profiles"),
        "id=\"delete\"".to_owned(),
    ] {
        // What is typed into an input is no attribute of the page; its name is.
        let words = words.replace("value=\"com.example.courier\"", "name=\"identifier\"");
        assert!(one.contains(&words), "{words}\n{one}");
    }
    let unknown = dom_after(&sandbox, "/v1/bundleIds/NONE");
    assert!(unknown.contains("NOT_FOUND"), "{unknown}");
}

#[test]
#[cfg_attr(no_chromium, ignore = "Chromium is not installed")]
fn the_page_says_why_a_request_was_refused() {
    let sandbox = seeded();
    sandbox.fail(Fault::times("GET /v1/devices", 1, Kind::Unauthorized));
    let dom = dom_after(&sandbox, "/v1/devices");
    assert!(
        dom.contains("GET /v1/devices") && dom.contains("fault: unauthorized"),
        "{dom}"
    );
}

/// An app with a live version, a draft, screenshots, and TestFlight groups.
fn on_the_store(in_library: bool) -> Sandbox {
    Sandbox::start(&Seed::releasing(SeedRelease {
        situation: Situation::InReview,
        locales: vec!["en-US".to_owned(), "de-DE".to_owned()],
        in_library,
        screenshots: 3,
        groups: vec![SeedGroup {
            name: "Friends of Courier".to_owned(),
            public_link: true,
            testers: vec!["grace@example.com".to_owned()],
            ..SeedGroup::default()
        }],
        ..SeedRelease::default()
    }))
    .unwrap()
}

#[test]
#[cfg_attr(no_chromium, ignore = "Chromium is not installed")]
fn the_page_shows_the_product_page_and_testflight() {
    for in_library in [false, true] {
        let sandbox = on_the_store(in_library);
        for size in ["--window-size=500,1400", "--window-size=1280,1100"] {
            let dom = browse(&[size, "--dump-dom", &sandbox.url()]);
            for words in [
                "<h3>Courier</h3>",
                "1.1: IN_REVIEW, build 2",
                "PRODUCTIVITY",
                "Screenshots APP_IPHONE_67",
                "Courier delivers letters.",
                "Letters arrive sooner.",
                "Friends of Courier",
                "1 tester",
                "https://testflight.apple.com/join/",
                "data-overflow=\"0\"",
            ] {
                assert!(dom.contains(words), "{words}\n{dom}");
            }
            // The pictures stand in the order of the store.
            let places: Vec<usize> = ["1.png", "2.png", "3.png"]
                .iter()
                .map(|name| dom.find(&format!("<figcaption>{name}")).unwrap())
                .collect();
            assert!(places.is_sorted(), "{places:?}");
        }
    }
}

#[test]
#[cfg_attr(no_chromedriver, ignore = "chromedriver is not installed")]
fn a_person_sees_the_pictures_and_chooses_a_version() {
    let sandbox = on_the_store(false);
    let driver = Driver::start();
    driver.open(&sandbox.url());
    driver.until(
        "const all = [...document.querySelectorAll('#product img')]; all.forEach((one) => one.loading = 'eager'); return all.length === 3 && all.every((one) => one.naturalWidth === 1290 && one.naturalHeight === 2796)",
    );
    driver.until(
        "const one = document.querySelector('#product select[aria-label=Version]'); one.value = [...one.options].find((option) => option.textContent === 'IOS 1.0').value; one.dispatchEvent(new Event('change')); return true",
    );
    driver.until("return document.querySelector('#product .badge').textContent.startsWith('1.0: READY_FOR_DISTRIBUTION')");
    driver.until(
        "const one = document.querySelector('#product select[aria-label=Language]'); one.value = 'de-DE'; one.dispatchEvent(new Event('change')); return true",
    );
    driver.until("return document.querySelector('#product select[aria-label=Language]').value === 'de-DE'");
}

/// A browser that a program drives, by the W3C's WebDriver protocol over HTTP.
struct Driver {
    child: std::process::Child,
    session: String,
    home: tempfile::TempDir,
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.call("DELETE", "", None);
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.home.path();
    }
}

impl Driver {
    fn start() -> Self {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let child = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let home = tempfile::tempdir().unwrap();
        let mut driver = Self {
            child,
            session: format!("http://127.0.0.1:{port}/session"),
            home,
        };
        let started = std::time::Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed().as_secs() < 20, "chromedriver does not listen");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let wanted = serde_json::json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {
            "binary": chromium().unwrap(),
            "args": ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", format!("--user-data-dir={}", driver.home.path().display())],
        }}}});
        // On a busy machine Chromium may take longer to start than chromedriver waits for it.
        let mut answer = driver.call("POST", "", Some(wanted.clone()));
        for _ in 0..2 {
            if answer["value"]["sessionId"].is_null() {
                answer = driver.call("POST", "", Some(wanted.clone()));
            }
        }
        let id = answer["value"]["sessionId"].as_str();
        let id = id.unwrap_or_else(|| panic!("Chromium does not start: {answer}"));
        driver.session = format!("{}/{id}", driver.session);
        driver
    }

    fn call(&self, method: &str, path: &str, body: Option<serde_json::Value>) -> serde_json::Value {
        let mut curl = Command::new("curl");
        curl.args([
            "-sS",
            "--max-time",
            "60",
            "-X",
            method,
            "-H",
            "Content-Type: application/json",
        ]);
        if let Some(body) = body {
            curl.args(["-d", &body.to_string()]);
        }
        let output = curl.arg(format!("{}{path}", self.session)).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    fn open(&self, url: &str) {
        self.call("POST", "/url", Some(serde_json::json!({"url": url})));
    }

    /// What a script gives, once it gives something true.
    fn until(&self, script: &str) -> serde_json::Value {
        let started = std::time::Instant::now();
        loop {
            let body = serde_json::json!({"script": script, "args": []});
            let answer = self.call("POST", "/execute/sync", Some(body));
            let value = answer["value"].clone();
            if !matches!(value, serde_json::Value::Null | serde_json::Value::Bool(false))
                && value.get("error").is_none()
            {
                return value;
            }
            assert!(started.elapsed().as_secs() < 20, "{script}: {answer}");
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
}

#[test]
#[cfg_attr(no_chromedriver, ignore = "chromedriver is not installed")]
fn a_person_changes_an_attribute_and_deletes_a_resource_on_the_page() {
    // Not the bundle ID of an app, which can't be deleted.
    let sandbox = Sandbox::start(&Seed {
        bundle_ids: [("com.example.spare".to_owned(), Vec::new())].into(),
        ..Seed::default()
    })
    .unwrap();
    let id = sandbox.state().bundle_ids[0].id.clone();
    let driver = Driver::start();
    driver.open(&format!("{}/#/v1/bundleIds/{id}", sandbox.url()));
    driver.until("return !!document.querySelector('#resource input[name=name]')");
    driver.until(
        "const input = document.querySelector('#resource input[name=name]'); input.value = 'Renamed here'; input.form.requestSubmit(); return true",
    );
    driver.until("return document.getElementById('told')?.textContent === 'Changed name.'");
    assert_eq!(sandbox.state().bundle_ids[0].name, "Renamed here");
    // What Apple does not let a client change is refused in the API's words.
    driver.until(
        "const input = document.querySelector('#resource input[name=identifier]'); input.value = 'com.example.other'; input.form.requestSubmit(); return true",
    );
    driver.until("return document.getElementById('told')?.textContent.includes('ENTITY_')");
    assert_eq!(sandbox.state().bundle_ids[0].identifier, "com.example.spare");
    driver.until("document.getElementById('delete').click(); return true");
    driver.until(
        "return document.getElementById('where').textContent.startsWith('GET /v1/bundleIds: HTTP 200')",
    );
    assert!(sandbox.state().bundle_ids.is_empty());
    // The log has the bodies of what was just done.
    driver.until(
        "const one = [...document.querySelectorAll('#requests details')].find((one) => one.textContent.includes('PATCH')); if (!one) return false; one.open = true; return true",
    );
    driver.until("return [...document.querySelectorAll('#requests pre')].some((one) => one.textContent.includes('com.example.other'))");
}
