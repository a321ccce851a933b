//! Identities in a keychain: macOS's, through `security`, or a private directory where there is none.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use command::{Command, Runner};
use secrecy::{ExposeSecret as _, SecretString};

use crate::authority::Authority;
use crate::p12::{Identity, P12Error};

/// `security` waits for a dialog that nobody sees when a keychain is locked.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long another build may hold the search list: it makes three calls of `security` meanwhile.
const LOCK_PATIENCE: Duration = Duration::from_secs(200);

/// How often the lock is asked for.
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// `errSecItemNotFound`, as `security` exits with it.
const NOT_FOUND: i32 = 44;

/// Iterations for a passphrase that a person chose.
const ITERATIONS: u32 = 10_000;

/// Iterations for a passphrase of random characters that lives for one call of `security`: as many as OpenSSL makes by
/// default (`PKCS12_DEFAULT_ITER` of 3.0); more would protect nothing.
const ITERATIONS_FOR_RANDOM: u32 = 2_048;

/// How long a keychain stays unlocked, in seconds: longer than any build.
const UNLOCKED_SECONDS: &str = "72000";

/// Where identities go.
#[derive(Debug, Clone)]
pub struct Keychain {
    path: PathBuf,
    password: SecretString,
    runner: Runner,
}

/// Why identities could not be stored.
#[derive(Debug, thiserror::Error)]
pub enum KeychainError {
    /// `security` failed.
    #[error("could not {what} the keychain {}", path.display())]
    Security {
        /// What was being done, such as "unlock".
        what: &'static str,
        /// The keychain.
        path: PathBuf,
        /// What happened.
        #[source]
        source: command::Error,
    },
    /// Another build does not let go of the search list.
    #[error(
        "another build has locked the keychain search list for {} seconds (lock on {})",
        LOCK_PATIENCE.as_secs(),
        .0.display()
    )]
    Busy(PathBuf),
    /// A file could not be written.
    #[error("could not write the identity `{name}`")]
    Write {
        /// The certificate's common name.
        name: String,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// A temporary file that `security` reads could not be written.
    #[error("could not hand {what} over to `security`")]
    Temporary {
        /// What is in it.
        what: String,
        /// The operating system's reason.
        #[source]
        source: std::io::Error,
    },
    /// An identity could not be packed.
    #[error(transparent)]
    Pack(#[from] P12Error),
}

impl Keychain {
    /// The keychain at `path`. macOS adds `-db` to the names of its files, so a file of that name counts.
    pub fn at(path: &Path, password: SecretString, runner: Runner) -> Self {
        Self {
            path: existing(path).unwrap_or_else(|| path.to_owned()),
            password,
            runner,
        }
    }

    /// Stores the identities, so that `codesign` may use them without asking.
    ///
    /// # Errors
    /// When `security` fails; the search list and the default keychain are then as they were.
    pub async fn install(&self, identities: &[Identity]) -> Result<(), KeychainError> {
        if self.runner.find("security").is_none() {
            return self.install_in_directory(identities);
        }
        if existing(&self.path).is_none() {
            let create = Command::new("security").arg("create-keychain");
            if let Err(error) = self.security("create", create, true).await {
                // Another build on this machine may have created it meanwhile: then it is there, as it should be.
                let path = existing(&self.path).ok_or(error)?;
                let appeared = Self { path, ..self.clone() };
                return appeared.fill(identities).await;
            }
        }
        self.fill(identities).await
    }

    /// Stores the identities in a keychain that is there.
    async fn fill(&self, identities: &[Identity]) -> Result<(), KeychainError> {
        self.security("unlock", Command::new("security").arg("unlock-keychain"), true)
            .await?;
        for identity in identities {
            self.import(identity).await?;
        }
        let partitions = Command::new("security")
            .args([
                "set-key-partition-list",
                "-S",
                "apple-tool:,apple:,codesign:",
                "-s",
                "-k",
            ])
            .secret_arg(&self.password);
        self.security("open for Apple's tools", partitions, false).await?;
        let settings = Command::new("security").args(["set-keychain-settings", "-lut", UNLOCKED_SECONDS]);
        self.security("set the locking of", settings, false).await?;
        // The list is read and written back: two builds at once would each drop the other's keychain from it.
        let _lock = self.lock_search_list().await?;
        let is_new = self.extend_search_list().await?;
        let default = Command::new("security").args(["default-keychain", "-s"]);
        let made = self.security("make the default", default, false).await;
        if made.is_err() && is_new {
            // What failed is told; that the list could not be put back as well says nothing more.
            let _ = self.leave_search_list().await;
        }
        made.map(drop)
    }

    /// The lock on the user's search list; `None` where there is no place for one.
    async fn lock_search_list(&self) -> Result<Option<files::Lock>, KeychainError> {
        let of_user = self
            .runner
            .variable("HOME")
            .map(|home| Path::new(home).join("Library/Keychains"))
            .filter(|folder| folder.is_dir());
        let folder = of_user.or_else(|| self.path.parent().map(Path::to_owned));
        let Some(folder) = folder.filter(|folder| folder.is_dir()) else {
            return Ok(None);
        };
        let started = Instant::now();
        let _activity = tracing::info_span!(
            "activity",
            what = "waiting for another build to unlock the keychain search list"
        );
        loop {
            match files::try_lock(&folder) {
                Ok(Some(lock)) => return Ok(Some(lock)),
                Ok(None) if started.elapsed() > LOCK_PATIENCE => return Err(KeychainError::Busy(folder)),
                Ok(None) => tokio::time::sleep(LOCK_PAUSE).await,
                Err(error) => {
                    tracing::debug!("{} can't be locked: {error}", folder.display());
                    return Ok(None);
                }
            }
        }
    }

    /// Whether the keychains of the search list hold the certificate of an authority, which `codesign` needs for the chain;
    /// `None` where that can't be told.
    pub async fn has_authority(&self, authority: &Authority) -> Option<bool> {
        self.runner.find("security")?;
        let command =
            Command::new("security").args(["find-certificate", "-a", "-p", "-c", authority.common_name]);
        let output = self.runner.output(command.timeout(PATIENCE)).await.ok()?;
        // Older versions of `security` answer 44 when nothing is found.
        if !output.success() && output.status.code() != Some(NOT_FOUND) {
            return None;
        }
        let found = x509_parser::pem::Pem::iter_from_buffer(output.stdout.as_bytes())
            .flatten()
            .any(|pem| authority.is_subject_of(&pem.contents));
        Some(found)
    }

    /// Stores the certificate of an authority, in DER, beside the identities.
    ///
    /// # Errors
    /// When `security` fails.
    pub async fn add_authority(&self, der: &[u8]) -> Result<(), KeychainError> {
        let write = |source| KeychainError::Temporary {
            what: "Apple's intermediate certificate".to_owned(),
            source,
        };
        let directory = self.private_directory().map_err(write)?;
        let file = directory.path().join("authority.cer");
        files::replace(&file, der, 0o600).map_err(write)?;
        let command = Command::new("security").arg("import").arg(&file);
        let command = command.arg("-k").arg(&self.path);
        self.run("import Apple's intermediate certificate into", command)
            .await
            .map(drop)
    }

    async fn security(
        &self,
        what: &'static str,
        command: Command,
        with_password: bool,
    ) -> Result<command::Output, KeychainError> {
        // `security` takes passwords on its command line only.
        let command = if with_password {
            command.arg("-p").secret_arg(&self.password)
        } else {
            command
        };
        self.run(what, command.arg(&self.path)).await
    }

    async fn run(&self, what: &'static str, command: Command) -> Result<command::Output, KeychainError> {
        let failed = |source| KeychainError::Security {
            what,
            path: self.path.clone(),
            source,
        };
        self.runner
            .checked(command.timeout(PATIENCE))
            .await
            .map_err(failed)
    }

    async fn import(&self, identity: &Identity) -> Result<(), KeychainError> {
        let passphrase = SecretString::from((0..24).map(|_| fastrand::alphanumeric()).collect::<String>());
        let write = |source| KeychainError::Temporary {
            what: format!("the identity `{}`", identity.certificate.common_name),
            source,
        };
        let directory = self.private_directory().map_err(write)?;
        let file = directory.path().join("identity.p12");
        let packed = identity.to_p12(passphrase.expose_secret(), ITERATIONS_FOR_RANDOM)?;
        files::replace(&file, &packed, 0o600).map_err(write)?;
        let command = Command::new("security").arg("import").arg(&file);
        let command = command
            .arg("-k")
            .arg(&self.path)
            .arg("-P")
            .secret_arg(&passphrase)
            .arg("-A");
        self.run("import an identity into", command).await.map(drop)
    }

    /// The search list, in its order.
    async fn search_list(&self) -> Result<Vec<PathBuf>, KeychainError> {
        let what = "read the search list for";
        let listed = self
            .run(
                what,
                Command::new("security").args(["list-keychains", "-d", "user"]),
            )
            .await?;
        let mut keychains: Vec<PathBuf> = listed
            .stdout
            .lines()
            .map(|line| PathBuf::from(line.trim().trim_matches('"')))
            .collect();
        keychains.retain(|keychain| !keychain.as_os_str().is_empty());
        Ok(keychains)
    }

    /// Keeps what is on the search list: other keychains may hold identities that the build needs. Whether the keychain
    /// was put on it.
    async fn extend_search_list(&self) -> Result<bool, KeychainError> {
        let mut keychains = self.search_list().await?;
        if keychains.contains(&self.path) {
            return Ok(false);
        }
        keychains.insert(0, self.path.clone());
        self.set_search_list("add to the search list", keychains).await?;
        Ok(true)
    }

    /// Takes the keychain off the list again, and leaves what others put there meanwhile.
    async fn leave_search_list(&self) -> Result<(), KeychainError> {
        let mut keychains = self.search_list().await?;
        keychains.retain(|keychain| *keychain != self.path);
        self.set_search_list("take off the search list", keychains).await
    }

    async fn set_search_list(
        &self,
        what: &'static str,
        keychains: Vec<PathBuf>,
    ) -> Result<(), KeychainError> {
        let command = Command::new("security")
            .args(["list-keychains", "-d", "user", "-s"])
            .args(keychains);
        self.run(what, command).await.map(drop)
    }

    /// A place for what `security` reads from a file. If this run is killed, the next one removes it.
    fn private_directory(&self) -> std::io::Result<files::PrivateDir> {
        let parent = self.runner.variable("TMPDIR").filter(|path| !path.is_empty());
        files::PrivateDir::create_in(parent.map_or(Path::new("/tmp"), Path::new))
    }

    /// A separate directory beside the keychain's place, private to the user. Builds that share it may write the same
    /// identity at the same time.
    fn install_in_directory(&self, identities: &[Identity]) -> Result<(), KeychainError> {
        let directory = self.path.with_extension("identities");
        for identity in identities {
            let write = |source| KeychainError::Write {
                name: identity.certificate.common_name.clone(),
                source,
            };
            files::private_directory(&directory).map_err(write)?;
            let file = directory.join(format!("{}.p12", identity.certificate.sha1));
            let packed = identity.to_p12(self.password.expose_secret(), ITERATIONS)?;
            files::replace(&file, &packed, 0o600).map_err(write)?;
        }
        Ok(())
    }
}

/// The keychain at a path, where there is one. macOS adds `-db` to the names of its files, so a file of that name counts.
fn existing(path: &Path) -> Option<PathBuf> {
    let with_suffix = PathBuf::from(format!("{}-db", path.display()));
    [path.to_owned(), with_suffix]
        .into_iter()
        .find(|path| path.exists())
}
