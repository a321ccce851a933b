#!/usr/bin/env python3
"""Starts the sandbox and lets schemathesis ask everything that Apple's documents describe."""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

import jwt

import document

HERE = pathlib.Path(__file__).resolve().parent
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "negative_data_rejection,positive_data_acceptance,ignored_auth,valid_requests_are_not_refused_for_their_form"
)


def token(environment, enterprise):
    url = environment["BITRISE_BUILD_URL"] + "/apple_developer_portal_data.json"
    request = urllib.request.Request(url, headers={"BUILD_API_TOKEN": environment["BITRISE_BUILD_API_TOKEN"]})
    with urllib.request.urlopen(request) as answer:
        connection = json.load(answer)
    claims = {
        "iss": connection["issuer_id"],
        "exp": int(time.time()) + 1190,
        "aud": "apple-developer-enterprise-v1" if enterprise else "appstoreconnect-v1",
    }
    return jwt.encode(claims, connection["private_key"], "ES256", headers={"kid": connection["key_id"]})


def serve(binary, folder, enterprise):
    seed = folder / "seed.yml"
    seed.write_text(
        f"enterprise: {str(enterprise).lower()}\ndevice_limit: 10000\nbundle_ids:\n  com.example.courier: [PUSH_NOTIFICATIONS]\n"
        "profiles:\n  - name: Seeded\n    profile_type: IOS_APP_DEVELOPMENT\n    bundle_id: com.example.courier\n"
        "keep_uploads: false\n"
    )
    server = subprocess.Popen(
        [binary, "serve", "--seed", seed], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    environment = {}
    for line in server.stdout:
        if line.startswith("export "):
            name, value = line.removeprefix("export ").strip().split("=", 1)
            environment[name] = value.strip("'")
        if "APP_STORE_CONNECT_URL" in environment and "BITRISE_CERTIFICATE_PASSPHRASE" in environment:
            break
    return server, environment


def deliver(url):
    """A build that is there, so that what belongs to builds is."""
    build = {"bundle_id": "com.example.courier", "version": "1", "short_version": "1.0", "platform": "IOS"}
    request = urllib.request.Request(
        f"{url}/_sandbox/builds", json.dumps(build).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request):
        pass


def run(arguments, name, paths, enterprise, seconds):
    amended = document.amend(document.merge(paths))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "document.json").write_text(json.dumps(amended))
        server, environment = serve(arguments.binary, folder, enterprise)
        try:
            url = environment["APP_STORE_CONNECT_URL"]
            bearer = f"Authorization: Bearer {token(environment, enterprise)}"
            if not enterprise:
                deliver(url)
                app = f"{url}/v1/apps/1023456789/buildUploads"
                for _ in range(4):
                    headers = {"Authorization": bearer.split(": ", 1)[1]}
                    urllib.request.urlopen(urllib.request.Request(app, headers=headers)).close()
            command = [
                str(pathlib.Path(sys.executable).with_name("schemathesis")),
                "--config-file",
                str(HERE / "schemathesis.toml"),
                "run",
                str(folder / "document.json"),
                "--url",
                url,
                "--header",
                bearer,
                "--checks",
                CHECKS,
                "--phases",
                "coverage,fuzzing",
                "--max-time",
                str(seconds),
                "--suppress-health-check",
                "all",
                "--continue-on-failure",
                # Before Python 3.12, `ast.parse` fails at times where several threads use it (CPython #106905).
                "--workers",
                "1",
                "--warnings",
                "off",
                "--generation-database",
                "none",
            ]
            if arguments.seed is not None:
                command += ["--seed", str(arguments.seed)]
            command += arguments.more
            variables = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "SANDBOX_URL": url, "PYTHONPATH": str(HERE)}
            print(f"==> {name}: {len(amended['paths'])} paths, {seconds} s", flush=True)
            status = subprocess.run(command, env=variables, cwd=folder).returncode
            if server.poll() is not None:
                print("the sandbox ended", file=sys.stderr)
                return 1
            return status
        finally:
            server.terminate()
            server.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--reference", required=True, type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--only", choices=("store", "enterprise"))
    parser.add_argument("more", nargs="*")
    arguments = parser.parse_args()
    store = [
        arguments.reference / name
        for name in (
            "app-store-connect.openapi.json",
            "app-store-release.openapi.json",
            "app-store-release.assets.openapi.json",
        )
    ]
    failed = []
    if arguments.only != "enterprise" and run(arguments, "App Store Connect API", store, False, arguments.seconds):
        failed.append("App Store Connect API")
    program = [arguments.reference / "enterprise-program.openapi.json"]
    if arguments.only != "store" and run(arguments, "Enterprise Program API", program, True, arguments.seconds // 4 or 1):
        failed.append("Enterprise Program API")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
