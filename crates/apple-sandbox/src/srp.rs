//! The server's half of Apple's sign-in: what a password is kept as, and whether a proof of it is right.

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U2048};
use sha2::{Digest as _, Sha256};

/// The group's prime, from RFC 5054, appendix A.
const PRIME: &str = "ac6bdb41324a9a9bf166de5e1389582faf72b6651987ee07fc3192943db56050a37329cbb4a099ed8193e0757767a13dd52312ab4b03310dcd7f48a9da04fd50e8083969edb767b0cf6095179a163ab3661a05fbd5faaae82918a9962f0b93b855f97993ec975eeaa80d740adbf4ff747359d041d5c33ea71d281e446b14773bca97b43a23fb801676bd207a436c6481f1d2b9078717461a5b9d32e688f87748544523b524b0d57d5ea77a2775d2ecfa032cfbdbf52fb3786160279004e57ae6af874e7303ce53299ccc041c7bc308d82a5698f3a8d0c38271ae35f8e9dbfbb694b5c803d89f7ae435de236d525f54759b65e372fcd68ef20fa7111f9e4aff73";

const LENGTH: usize = 256;

pub(crate) const ITERATIONS: u32 = 1160;

type Form = FixedMontyForm<{ U2048::LIMBS }>;

fn number(bytes: &[u8]) -> U2048 {
    let mut all = [0; LENGTH];
    let bytes = &bytes[bytes.len().saturating_sub(LENGTH)..];
    all[LENGTH - bytes.len()..].copy_from_slice(bytes);
    U2048::from_be_slice(&all)
}

fn form(number: &U2048) -> Form {
    FixedMontyForm::new(
        number,
        &FixedMontyParams::new_vartime(Odd::<U2048>::from_be_hex(PRIME)),
    )
}

fn bytes(number: &U2048) -> Vec<u8> {
    number.to_be_bytes().as_ref().to_vec()
}

fn hash(parts: &[&[u8]]) -> Vec<u8> {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().to_vec()
}

/// What Apple keeps of a password: the key that it becomes, raised.
pub(crate) fn verifier(password: &str, protocol: &str, salt: &[u8]) -> Vec<u8> {
    let digest = Sha256::digest(password);
    let start: Vec<u8> = if protocol == "s2k_fo" {
        digest
            .iter()
            .flat_map(|byte| format!("{byte:02x}").into_bytes())
            .collect()
    } else {
        digest.to_vec()
    };
    let mut key = [0; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(&start, salt, ITERATIONS, &mut key);
    let x = hash(&[salt, &hash(&[b":", &key])]);
    bytes(&form(&U2048::from_u8(2)).pow(&number(&x)).retrieve())
}

/// The server's public number for its secret one.
pub(crate) fn public(verifier: &[u8], secret: &[u8; 32]) -> Vec<u8> {
    let mut two = [0; LENGTH];
    two[LENGTH - 1] = 2;
    let k = hash(&[&bytes(&U2048::from_be_hex(PRIME)), &two]);
    let sum = form(&number(&k)) * form(&number(verifier)) + form(&U2048::from_u8(2)).pow(&number(secret));
    bytes(&sum.retrieve())
}

/// The proofs that a client which knows the password sends.
pub(crate) fn proofs(
    name: &str,
    salt: &[u8],
    verifier: &[u8],
    public_a: &[u8],
    secret: &[u8; 32],
) -> (Vec<u8>, Vec<u8>) {
    let public_b = public(verifier, secret);
    let u = hash(&[public_a, &public_b]);
    let base = form(&number(public_a)) * form(&number(verifier)).pow(&number(&u));
    let key = hash(&[&bytes(&base.pow(&number(secret)).retrieve())]);
    let mut two = [0; LENGTH];
    two[LENGTH - 1] = 2;
    let of_prime = hash(&[&bytes(&U2048::from_be_hex(PRIME))]);
    let mixed: Vec<u8> = of_prime
        .iter()
        .zip(hash(&[&two]))
        .map(|(one, other)| one ^ other)
        .collect();
    let first = hash(&[&mixed, &hash(&[name.as_bytes()]), salt, public_a, &public_b, &key]);
    let second = hash(&[public_a, &first, &key]);
    (first, second)
}
