use anyhow::{Context, Result};
use ipc_core::transport::kafka::KafkaConfig;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::{sync::OnceCell, task::spawn_blocking};
use xtask::broker::{Access, Broker, Listener, ScramUser};

use super::private_broker::providers;

const SASL: &str = "SASL";
const TLS: &str = "TLS";
const SASL_TLS: &str = "SASL_TLS";

/// Session lengths of SASL OAUTHBEARER, in milliseconds: a client must come back with a new token.
const OAUTH_SESSION_MS: u32 = 3000;

/// A user of the [`SecuredBroker`].
#[derive(Clone, Copy, Debug)]
pub struct User {
    /// The name, which is that of the principal too.
    pub name: &'static str,
    /// The password with every mechanism that has one.
    pub password: &'static str,
}

/// May do everything.
pub const ADMIN: User = User {
    name: "admin",
    password: "correct-horse",
};

/// May do nothing until an ACL says otherwise.
pub const NOBODY: User = User {
    name: "nobody",
    password: "battery-staple",
};

/// A broker that authenticates by SASL and by TLS, and asks ACLs who may do what. All tests share it; it ends
/// with the process.
///
/// Its plain listener lets everybody in and allows everything.
#[derive(Debug)]
pub struct SecuredBroker {
    broker: Broker,
    authority: String,
}

impl SecuredBroker {
    /// The one broker, started by whoever comes first.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub async fn shared() -> Result<&'static Self> {
        static SHARED: OnceCell<SecuredBroker> = OnceCell::const_new();
        let start = async || {
            spawn_blocking(Self::start)
                .await
                .context("starting a broker panicked")?
        };
        SHARED.get_or_try_init(start).await
    }

    fn start() -> Result<Self> {
        let authority = authority()?;
        let broker = Broker::start_with(&providers(), &access(&authority)?)?;
        Ok(Self {
            broker,
            authority: authority.pem(),
        })
    }

    /// The plain listener.
    #[must_use]
    pub fn plain(&self) -> KafkaConfig {
        KafkaConfig::new(self.broker.bootstrap())
    }

    /// The listener with SASL and no TLS; mechanism and credentials are to be added.
    ///
    /// # Errors
    ///
    /// When the broker does not have it.
    pub fn sasl(&self) -> Result<KafkaConfig> {
        let config = self.listener(SASL)?;
        Ok(config.set("security.protocol", "sasl_plaintext"))
    }

    /// The listener with TLS and no SASL, with the authority that it is to be trusted by.
    ///
    /// # Errors
    ///
    /// When the broker does not have it.
    pub fn tls(&self) -> Result<KafkaConfig> {
        let config = self.listener(TLS)?.set("security.protocol", "ssl");
        Ok(config.set("ssl.ca.pem", &self.authority))
    }

    /// The listener with SASL over TLS, with the authority that it is to be trusted by.
    ///
    /// # Errors
    ///
    /// When the broker does not have it.
    pub fn sasl_tls(&self) -> Result<KafkaConfig> {
        let config = self
            .listener(SASL_TLS)?
            .set("security.protocol", "sasl_ssl");
        Ok(config.set("ssl.ca.pem", &self.authority))
    }

    /// The certificate of the authority that its listeners with TLS are trusted by, as PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    fn listener(&self, name: &str) -> Result<KafkaConfig> {
        let address = self.broker.address(name);
        let address = address.with_context(|| format!("the broker has no listener {name}"))?;
        Ok(KafkaConfig::new(address))
    }
}

/// The certificate of an authority that nobody knows, as PEM.
///
/// # Errors
///
/// When it cannot be made.
pub fn unknown_authority() -> Result<String> {
    Ok(authority()?.pem())
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Result<Authority> {
    let mut params = CertificateParams::default();
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, "the tests' authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

fn access(authority: &Authority) -> Result<Access> {
    let listener = |name, protocol| Listener { name, protocol };
    let mut settings = vec![
        setting(
            "authorizer.class.name",
            "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        ),
        setting("super.users", format!("User:ANONYMOUS;User:{}", ADMIN.name)),
    ];
    for name in [SASL, SASL_TLS] {
        settings.extend(sasl(name));
    }
    for name in [TLS, SASL_TLS] {
        settings.extend(tls(name, authority)?);
    }
    let scram = [ADMIN, NOBODY].map(|user| ScramUser {
        name: user.name.to_owned(),
        password: user.password.to_owned(),
    });
    Ok(Access {
        listeners: vec![
            listener(SASL, "SASL_PLAINTEXT"),
            listener(TLS, "SSL"),
            listener(SASL_TLS, "SASL_SSL"),
        ],
        scram: scram.into(),
        settings,
    })
}

fn sasl(listener: &str) -> Vec<(String, String)> {
    let security = "org.apache.kafka.common.security";
    let [admin, nobody] = [ADMIN, NOBODY].map(|user| {
        let User { name, password } = user;
        format!("user_{name}=\"{password}\"")
    });
    // Kafka's own tokens for tests: anybody may make one.
    let bearer = format!(
        "{security}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"broker\";"
    );
    let scram = format!("{security}.scram.ScramLoginModule required;");
    let plain = format!("{security}.plain.PlainLoginModule required {admin} {nobody};");
    let of = |name: &str, value: &str| {
        let listener = listener.to_lowercase();
        setting(format!("listener.name.{listener}.{name}"), value)
    };
    vec![
        of(
            "sasl.enabled.mechanisms",
            "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
        ),
        of("plain.sasl.jaas.config", &plain),
        of("scram-sha-256.sasl.jaas.config", &scram),
        of("scram-sha-512.sasl.jaas.config", &scram),
        of("oauthbearer.sasl.jaas.config", &bearer),
        of(
            "oauthbearer.connections.max.reauth.ms",
            &OAUTH_SESSION_MS.to_string(),
        ),
    ]
}

fn tls(listener: &str, authority: &Authority) -> Result<Vec<(String, String)>> {
    let key = KeyPair::generate()?;
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names)?.signed_by(&key, authority)?;
    let of = |name: &str, value: &str| {
        let listener = listener.to_lowercase();
        setting(format!("listener.name.{listener}.{name}"), value)
    };
    Ok(vec![
        of("ssl.keystore.type", "PEM"),
        of("ssl.keystore.key", &key.serialize_pem()),
        of("ssl.keystore.certificate.chain", &certificate.pem()),
    ])
}

fn setting(name: impl Into<String>, value: impl Into<String>) -> (String, String) {
    (name.into(), value.into())
}
