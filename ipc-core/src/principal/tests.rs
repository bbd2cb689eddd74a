use proptest::prelude::*;

use super::*;
use crate::envelope::UnixMillis;
use crate::envelope::principal::{Covered, Distrust, Verify};

/// An Ed25519 key pair of which the secret half is `seed`, in PKCS#8.
fn pkcs8(seed: [u8; 32]) -> Vec<u8> {
    let head = [
        0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
    ];
    [&head[..], &seed].concat()
}

fn principal() -> Principal {
    Principal {
        credential: "jwt".into(),
        issuer: "https://id.example".into(),
        subject: "ann".into(),
        scopes: vec!["orders:read".into(), "orders:write".into()],
    }
}

const AT: UnixMillis = UnixMillis(1_760_000_000_000);

const ID: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

fn request() -> Covered<'static> {
    Covered {
        correlation_id: &ID,
        method: "POST",
        path: "/orders/7/place?x=%20",
        key: Some(b"7"),
        shadow: false,
        body: b"{\"tea\":1}",
    }
}

const CLAIMS: &str = "AAABmcgswAAAAAADand0AAAAEmh0dHBzOi8vaWQuZXhhbXBsZQAAAANhbm4AAAALb3JkZXJz\
                      OnJlYWQAAAAMb3JkZXJzOndyaXRl";

/// The bytes of `docs/wire-format.md`, which were made by other programs.
#[test]
fn what_is_signed_is_what_the_wire_format_says() {
    let hmac = SigningKey::hmac("2026-a", &[7; 32]).unwrap();
    let signed = hmac.sign(&principal(), &request(), AT);
    let expected = format!("1.2026-a.{CLAIMS}.EzD23eZch6Oui-2zK27vw30JRTR_ycv4iv61gzM_ChA");
    assert_eq!(signed, expected);

    let ed25519 = SigningKey::ed25519("ed-1", &pkcs8([9; 32])).unwrap();
    let signed = ed25519.sign(&principal(), &request(), AT);
    let expected = format!(
        "1.ed-1.{CLAIMS}.LOGPUAGrAzdVUysQsjlIh-Dp_W4K2E-Px0N63k2mxbi_sMydXId0GQvMAASw2pUsDKFSNuOO\
         FWaRVWlF12C0Ag"
    );
    assert_eq!(signed, expected);
}

fn keys() -> [(SigningKey, VerifyingKeys); 2] {
    let ed25519 = SigningKey::ed25519("k", &pkcs8([9; 32])).unwrap();
    let public = ed25519.public_key().unwrap();
    [
        (ed25519, VerifyingKeys::new().ed25519("k", public).unwrap()),
        (
            SigningKey::hmac("k", &[7; 32]).unwrap(),
            VerifyingKeys::new().hmac("k", &[7; 32]).unwrap(),
        ),
    ]
}

#[test]
fn a_key_that_is_not_known_or_of_another_kind_is_not_believed() {
    let [(ed25519, of_ed25519), (hmac, of_hmac)] = keys();
    for (key, verifying) in [(&ed25519, &of_hmac), (&hmac, &of_ed25519)] {
        let value = key.sign(&principal(), &request(), AT);
        let verified = verifying.verify(value.as_bytes(), &request());
        assert_eq!(verified, Err(Distrust::Forged));
        let none = VerifyingKeys::new().verify(value.as_bytes(), &request());
        assert_eq!(none, Err(Distrust::UnknownKey));
    }
    // A public key is no secret of an HMAC.
    let public = ed25519.public_key().unwrap();
    let forged = SigningKey::hmac("k", &public).unwrap();
    let value = forged.sign(&principal(), &request(), AT);
    let verified = of_ed25519.verify(value.as_bytes(), &request());
    assert_eq!(verified, Err(Distrust::Forged));
}

#[test]
fn while_keys_change_the_old_and_the_new_one_are_believed() {
    let keys = VerifyingKeys::new()
        .hmac("old", &[1; 32])
        .and_then(|keys| keys.hmac("new", &[2; 32]))
        .unwrap();
    for (id, byte) in [("old", 1), ("new", 2)] {
        let key = SigningKey::hmac(id, &[byte; 32]).unwrap();
        let value = key.sign(&principal(), &request(), AT);
        let verified = keys.verify(value.as_bytes(), &request());
        assert_eq!(verified, Ok((principal(), AT)));
    }
}

#[test]
fn what_is_no_key_is_told_and_no_key_is_shown() {
    assert!(SigningKey::hmac("k", &[7; 31]).is_err());
    assert!(SigningKey::ed25519("k", b"hunter2").is_err());
    for id in ["", "a.b", "a b", &"a".repeat(65)] {
        assert!(SigningKey::hmac(id, &[7; 32]).is_err(), "{id}");
    }
    let secret = b"hunter2-hunter2-hunter2-hunter2-";
    let key = SigningKey::hmac("k", secret).unwrap();
    let keys = VerifyingKeys::new().hmac("k", secret).unwrap();
    assert_eq!(
        format!("{key:?} {keys:?}"),
        "SigningKey { id: \"k\", .. } [\"k\"]"
    );
}

/// A request of any parts, and who sends it.
#[derive(Clone, PartialEq, Debug)]
struct Sent {
    principal: Principal,
    at: u64,
    correlation_id: Vec<u8>,
    method: String,
    path: String,
    key: Option<Vec<u8>>,
    shadow: bool,
    body: Vec<u8>,
}

impl Sent {
    fn covered(&self) -> Covered<'_> {
        Covered {
            correlation_id: &self.correlation_id,
            method: &self.method,
            path: &self.path,
            key: self.key.as_deref(),
            shadow: self.shadow,
            body: &self.body,
        }
    }
}

fn sent() -> impl Strategy<Value = Sent> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..4);
    let text = || "[a-c]{0,3}";
    let principal = (
        text(),
        text(),
        text(),
        prop::collection::vec("[a-c]{0,2}", 0..3),
    )
        .prop_map(|(credential, issuer, subject, scopes)| Principal {
            credential: credential.into(),
            issuer: issuer.into(),
            subject: subject.into(),
            scopes: scopes.into_iter().map(Into::into).collect(),
        });
    let record = (
        bytes(),
        text(),
        text(),
        prop::option::of(bytes()),
        any::<bool>(),
        bytes(),
    );
    (principal, 0..3_u64, record).prop_map(
        |(principal, at, (correlation_id, method, path, key, shadow, body))| Sent {
            principal,
            at,
            correlation_id,
            method,
            path,
            key,
            shadow,
            body,
        },
    )
}

proptest! {
    #[test]
    fn what_is_signed_is_believed_of_that_request_and_of_no_other(one in sent(), other in sent()) {
        for (key, keys) in keys() {
            let value = key.sign(&one.principal, &one.covered(), UnixMillis(one.at));
            let verified = keys.verify(value.as_bytes(), &one.covered());
            prop_assert_eq!(verified, Ok((one.principal.clone(), UnixMillis(one.at))));
            // Delivered again it is the same.
            prop_assert!(keys.verify(value.as_bytes(), &one.covered()).is_ok());
            if one.covered() != other.covered() {
                let copied = keys.verify(value.as_bytes(), &other.covered());
                prop_assert_eq!(copied, Err(Distrust::Forged));
            }
        }
    }

    #[test]
    fn two_requests_never_have_the_same_bytes(one in sent(), other in sent()) {
        let bytes = |sent: &Sent| {
            let claims = super::claims::write(&sent.principal, UnixMillis(sent.at));
            let mut digest = [0; 32];
            digest[..sent.body.len()].copy_from_slice(&sent.body);
            digest[31] = u8::try_from(sent.body.len()).unwrap();
            sent.covered().signed_bytes("k", &claims, &digest)
        };
        prop_assert_eq!(bytes(&one) == bytes(&other), one == other);
    }

    #[test]
    fn no_letter_of_a_value_can_be_another(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9._-]") {
        for (key, keys) in keys() {
            let value = key.sign(&principal(), &request(), AT).to_string();
            let at = at.index(value.len());
            let mut changed = value.clone();
            changed.replace_range(at..=at, &to);
            let verified = keys.verify(changed.as_bytes(), &request());
            prop_assert_eq!(verified.is_ok(), changed == value, "{}", changed);
        }
    }

    #[test]
    fn whatever_stands_there_is_read_or_not_and_never_more(value in prop::collection::vec(any::<u8>(), 0..64)) {
        for (_, keys) in keys() {
            prop_assert!(keys.verify(&value, &request()).is_err());
        }
    }
}
