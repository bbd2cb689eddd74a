//! A real Postgres for development and tests.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::{
    account::Account,
    leash::{self, Leashed},
    port,
};

const USER: &str = "ipc";
const DATABASE: &str = "postgres";
const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Where distributions put programs of which several versions may be installed.
const VERSIONS: &str = "/usr/lib/postgresql";

/// What it is run with. A crash of the whole machine may take its data: nobody needs them then.
const SETTINGS: [&str; 6] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    "shared_buffers=32MB",
    "fsync=off",
    "full_page_writes=off",
];

/// A Postgres that answers, until it is stopped, killed or dropped. It does not outlive this process.
///
/// Every method blocks: call them through `spawn_blocking` from asynchronous code.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    account: Option<Account>,
    port: u16,
    password: String,
    /// `None` while it is stopped. Declared before `folder`, so that it ends before its files go.
    process: Option<Leashed>,
    /// Holds the data and the log.
    folder: TempDir,
}

impl Postgres {
    /// The environment variable in which tests find the address of the one they share.
    pub const VARIABLE: &str = "IPC_TEST_POSTGRES";

    /// Starts one with an empty database, and returns when it answers. As root, which Postgres refuses to be,
    /// it runs in the name of an account without rights.
    ///
    /// # Errors
    ///
    /// When its programs are not installed, saying where they were looked for, or when it does not start.
    pub fn start() -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("ipc-postgres-")
            .tempdir()
            .context("cannot create a folder for postgres")?;
        let account = Account::instead_of_root()?;
        if let Some(account) = account {
            account.give(folder.path())?;
        }
        let mut postgres = Self {
            programs: programs()?,
            account,
            port: port::free()?,
            password: format!("{:032x}", fastrand::u128(..)),
            process: None,
            folder,
        };
        postgres.make_cluster()?;
        postgres.start_again()?;
        Ok(postgres)
    }

    /// Where it is, and how clients prove that they may use it. It stays the same when it is started again.
    #[must_use]
    pub fn url(&self) -> String {
        let Self { password, port, .. } = self;
        format!("postgres://{USER}:{password}@127.0.0.1:{port}/{DATABASE}")
    }

    /// The port it listens on, at 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops it in order: it breaks off what runs, and closes its files.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub fn stop(&mut self) -> Result<()> {
        self.end(Signal::INT)
    }

    /// Has it and all its processes end where they stand, as in a crash: the next start recovers from its log.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub fn crash(&mut self) -> Result<()> {
        self.end(Signal::QUIT)
    }

    /// Starts it after it was stopped or has crashed, on its port and its data, and returns when it answers.
    ///
    /// # Errors
    ///
    /// When it is still running, or does not answer.
    pub fn start_again(&mut self) -> Result<()> {
        ensure!(
            self.process.is_none(),
            "the postgres at port {} is still running: stop it first",
            self.port
        );
        let log = leash::open_log(&self.log_path())?;
        let mut server = Command::new(self.programs.join("postgres"));
        server
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string()])
            .args(SETTINGS.iter().flat_map(|setting| ["-c", *setting]))
            .current_dir(self.folder.path());
        let server = Leashed::spawn_as(self.account, &server, log, self.folder.path())?;
        self.process = Some(server);
        self.await_answer()
    }

    fn make_cluster(&self) -> Result<()> {
        let password = self.folder.path().join("password");
        fs::write(&password, &self.password).context("cannot write the password")?;
        if let Some(account) = self.account {
            account.give(&password)?;
        }
        let mut initdb = Command::new(self.programs.join("initdb"));
        initdb
            .arg("--pgdata")
            .arg(self.data())
            .arg("--pwfile")
            .arg(&password)
            // the password itself, which loopback alone sees: a proof of it costs a client milliseconds
            .args([
                "--auth=password",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .args(["--username", USER])
            .current_dir(self.folder.path());
        if let Some(account) = self.account {
            account.runs(&mut initdb);
        }
        let output = initdb.output().context("cannot run initdb")?;
        ensure!(
            output.status.success(),
            "initdb could not make a database ({})\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(())
    }

    /// Waits until it takes connections. One that does not is killed.
    fn await_answer(&mut self) -> Result<()> {
        let status = self.data().join("postmaster.pid");
        let Some(process) = &mut self.process else {
            bail!("the postgres at port {} is not running", self.port);
        };
        let id = process.id();
        let Some(failure) = process.await_answer(START_LIMIT, || is_ready(&status, id))? else {
            return Ok(());
        };
        self.process = None;
        let log = fs::read_to_string(self.log_path()).unwrap_or_default();
        bail!(
            "the postgres at port {} {failure}; its log:\n{log}",
            self.port
        )
    }

    fn end(&mut self, signal: Signal) -> Result<()> {
        leash::end(&mut self.process, signal, STOP_LIMIT)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("postgres.log")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // in order where it can; what then still runs is killed as its field is dropped
        let _ = self.stop();
    }
}

/// The folder of the programs `initdb` and `postgres`: one on the path, else the newest version of a distribution.
///
/// # Errors
///
/// When they are in none, naming what to install.
pub fn programs() -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = env::split_paths(&path).collect();
    folders.extend(of_distribution());
    let found = folders.into_iter().find(|folder| {
        let has = |program| folder.join(program).is_file();
        has("initdb") && has("postgres")
    });
    found.with_context(|| {
        format!(
            "`initdb` and `postgres` are neither on the path nor in {VERSIONS}/*/bin: install \
             PostgreSQL 13 or newer, or set {} to the address of one that runs",
            Postgres::VARIABLE
        )
    })
}

/// The newest first.
fn of_distribution() -> Vec<PathBuf> {
    let Ok(folders) = fs::read_dir(VERSIONS) else {
        return Vec::new();
    };
    let version = |folder: &PathBuf| -> Option<u32> { folder.file_name()?.to_str()?.parse().ok() };
    let mut folders: Vec<PathBuf> = folders.flatten().map(|folder| folder.path()).collect();
    folders.sort_by_key(|folder| std::cmp::Reverse(version(folder)));
    folders.iter().map(|folder| folder.join("bin")).collect()
}

/// Whether the server's own note, its eighth line, says that it takes connections; its first says of whom it tells.
fn is_ready(note: &Path, id: u32) -> bool {
    let Ok(note) = fs::read_to_string(note) else {
        return false;
    };
    let mut lines = note.lines();
    let is_ours = lines.next().and_then(|line| line.parse().ok()) == Some(id);
    is_ours && lines.nth(6).is_some_and(|line| line.trim() == "ready")
}
