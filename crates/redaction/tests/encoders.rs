//! Every form in which a real encoder writes a secret is masked.
//!
//! The encoders are those of Python, JavaScript (Node), Ruby, and Bash: what fastlane, its gems, and shell scripts log
//! with. Secrets go in and encoded texts come out in hexadecimal, a line each, so that no quoting is lost on the way.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: what fails ends the test"
)]

use std::io::Write as _;
use std::process::{Command, Stdio};

use redaction::{MASK, Redactor};

const SECRETS: &[&str] = &[
    "p&w/d<x>\"y'z",
    "sp ace+plus=eq?q#h%25",
    "käse-ü-Ω/🍏&<",
    "cafe\u{301} noe\u{308}l",
    "back\\slash$dollar`tick!bang",
    "#{inter}#$pol#@ated",
    "~tilde^caret|pipe;semi*star(par)[br]{cu}",
    "two\nlines of-it & more",
    "tab\tand:colon,comma@at",
    "line\u{2028}separator<",
    "abcd",
    "hunter2hunter2",
];

/// What may stand around a secret: the encoder's own quotes.
const QUOTES: &str = "'\"`\\$<>:|- \n";

/// Encodes every secret with `program`, and says which forms are not masked.
fn leaks(program: &str, arguments: &[&str]) -> Vec<String> {
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let input: String = SECRETS
        .iter()
        .map(|secret| format!("{}\n", hex(secret)))
        .collect();
    #[expect(clippy::disallowed_methods, reason = "a test's own tool")]
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().count() >= SECRETS.len(), "{program} printed {text}");
    let mut leaks = Vec::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let [secret, encoder, encoded] = fields[..] else {
            panic!("{line}")
        };
        let secret = SECRETS[secret.parse::<usize>().unwrap()];
        let digits: Vec<u8> = encoded.bytes().collect();
        let bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        let redactor = Redactor::new();
        redactor.learn(secret);
        let shown = String::from_utf8_lossy(&redactor.redact_bytes(&bytes)).into_owned();
        if !shown.contains(MASK) || !shown.replace(MASK, "").chars().all(|c| QUOTES.contains(c)) {
            leaks.push(format!("{encoder} of {secret:?}: {shown}"));
        }
    }
    leaks
}

const PYTHON: &str = r#"
import sys, json, shlex, html, unicodedata, urllib.parse, base64, binascii
from xml.sax.saxutils import escape, quoteattr
for n, line in enumerate(sys.stdin):
    s = bytes.fromhex(line.strip()).decode()
    forms = {
        "plain": s, "json": json.dumps(s), "json_utf8": json.dumps(s, ensure_ascii=False), "json_twice": json.dumps(json.dumps(s, ensure_ascii=False), ensure_ascii=False),
        "repr": repr(s), "shlex": shlex.quote(s), "json_of_shlex": json.dumps(shlex.quote(s), ensure_ascii=False),
        "html": html.escape(s), "html_text": html.escape(s, quote=False), "xml": escape(s), "xml_attribute": quoteattr(s),
        "xml_ascii": s.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").encode("ascii", "xmlcharrefreplace").decode(),
        "quote": urllib.parse.quote(s), "quote_all": urllib.parse.quote(s, safe=""), "quote_plus": urllib.parse.quote_plus(s), "urlencode": urllib.parse.urlencode({"": s})[1:],
        "quote_lower": "".join(c if c.isalnum() and c.isascii() else "".join("%%%02x" % b for b in c.encode()) for c in s),
        "nfc": unicodedata.normalize("NFC", s), "nfd": unicodedata.normalize("NFD", s), "json_nfd": json.dumps(unicodedata.normalize("NFD", s)),
        "hex": s.encode().hex(), "HEX": s.encode().hex().upper(),
        "yaml_single": s.replace("'", "''"),
    }
    if len(s.encode()) % 3 == 0:
        forms["base64"] = base64.b64encode(s.encode()).decode()
        forms["base64_url"] = base64.urlsafe_b64encode(s.encode()).decode()
    for name, form in forms.items():
        print(n, name, form.encode().hex())
"#;

const NODE: &str = r#"
const text = require('fs').readFileSync(0, 'utf8');
const util = require('util'), querystring = require('querystring');
text.trim().split('\n').forEach((line, n) => {
    const s = Buffer.from(line, 'hex').toString();
    const url = new URL('http://h/');
    url.searchParams.set('k', s);
    const query = new URL('http://h/?' + s.replace(/[\t\n#]/g, ''));
    const forms = {
        json: JSON.stringify(s), twice: JSON.stringify(JSON.stringify(s)), component: encodeURIComponent(s), uri: encodeURI(s),
        form: url.search.slice('?k='.length), querystring: querystring.escape(s), inspect: util.inspect(s),
        go_json: JSON.stringify(s).replace(/[<>&\u2028\u2029]/g, c => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0')),
        php_json: JSON.stringify(s).replace(/\//g, '\\/').replace(/[^\x00-\x7f]/g, c => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0')),
        apple_json: JSON.stringify(s).replace(/\//g, '\\/'),
        lower: encodeURIComponent(s).replace(/%../g, c => c.toLowerCase()),
    };
    if (!/[\t\n#]/.test(s)) {
        forms.query = query.search.slice(1);
        const path = new URL('http://h/'); path.pathname = '/' + s;
        if (!s.includes('\\')) forms.path = path.pathname.slice(1);
        const user = new URL('http://h/'); user.password = s;
        forms.password = user.password;
        const hash = new URL('http://h/'); hash.hash = s;
        forms.fragment = hash.hash.slice(1);
    }
    for (const [name, form] of Object.entries(forms)) console.log(n, name, Buffer.from(form).toString('hex'));
});
"#;

const RUBY: &str = r#"
require 'json'; require 'shellwords'; require 'cgi'; require 'erb'; require 'uri'; require 'yaml'
Encoding.default_external = 'UTF-8'; Encoding.default_internal = 'UTF-8'
STDIN.each_line.with_index do |line, n|
  s = [line.strip].pack('H*').force_encoding('UTF-8')
  forms = {
    'inspect' => s.inspect, 'dump' => s.ascii_only? ? s.dump : s.inspect, 'json' => s.to_json, 'generate' => JSON.generate(s),
    'json_ascii' => JSON.generate(s, ascii_only: true), 'json_slash' => (JSON.generate(s, script_safe: true) rescue JSON.generate(s)),
    'shellescape' => Shellwords.escape(s), 'shelljoin' => Shellwords.join([s]), 'inspect_of_shellescape' => Shellwords.escape(s).inspect, 'json_of_shellescape' => Shellwords.escape(s).to_json,
    'cgi' => CGI.escape(s), 'cgi_html' => CGI.escapeHTML(s), 'erb_html' => ERB::Util.html_escape(s), 'erb_url' => ERB::Util.url_encode(s),
    'www_form' => URI.encode_www_form_component(s), 'nfd' => s.unicode_normalize(:nfd), 'nfc' => s.unicode_normalize(:nfc),
    'xml' => s.encode(xml: :text), 'xml_attribute' => s.encode(xml: :attr),
    'hash' => s.inspect,
  }
  forms.each { |name, form| puts [n, name, form.b.unpack1('H*')].join(' ') }
end
"#;

const BASH: &str = r#"
n=0
while read -r line; do
    s=$(printf '%b' "$(sed 's/../\\x&/g' <<<"$line")"; printf x); s=${s%x}
    hex() { printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n'; }
    echo "$n plain $(hex "$s")"
    echo "$n quoted $(hex "$(printf '%q' "$s"; )")"
    echo "$n expansion $(hex "${s@Q}")"
    echo "$n trace $(hex "$( { set -x; : "$s"; } 2>&1 | sed '1s/^+* : //' )")"
    n=$((n + 1))
done
"#;

#[test]
#[cfg_attr(no_python3, ignore = "python3 is not installed")]
fn what_python_writes_is_masked() {
    assert_eq!(leaks("python3", &["-c", PYTHON]), [""; 0]);
}

#[test]
#[cfg_attr(no_node, ignore = "node is not installed")]
fn what_javascript_writes_is_masked() {
    assert_eq!(leaks("node", &["-e", NODE]), [""; 0]);
}

#[test]
#[cfg_attr(no_ruby, ignore = "ruby is not installed")]
fn what_ruby_writes_is_masked() {
    assert_eq!(leaks("ruby", &["-e", RUBY]), [""; 0]);
}

#[test]
#[cfg_attr(no_bash, ignore = "bash is not installed")]
fn what_bash_writes_is_masked() {
    assert_eq!(leaks("bash", &["-c", BASH]), [""; 0]);
}
