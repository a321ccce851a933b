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
        base16ct::lower::encode_string(&digest).into_bytes()
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

/// The two proofs of a client that knows the password.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    first: Vec<u8>,
    second: Vec<u8>,
}

impl Proof {
    /// Whether these are they. Clients that work with hexadecimal text drop a zero byte at the beginning.
    pub(crate) fn is(&self, first: &[u8], second: &[u8]) -> bool {
        minimal(&self.first) == minimal(first) && minimal(&self.second) == minimal(second)
    }
}

/// Without the zero bytes at the beginning.
fn minimal(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

/// The proofs that a client which knows the password sends: with numbers of full length, as swift-srp writes them, and
/// with numbers that begin with no zero byte, as `fastlane-sirp` and Python's `srp` do. They differ in one exchange of 85.
pub(crate) fn proofs(
    name: &str,
    salt: &[u8],
    verifier: &[u8],
    public_a: &[u8],
    secret: &[u8; 32],
) -> [Proof; 2] {
    let public_a = &bytes(&number(public_a));
    let public_b = public(verifier, secret);
    let u = hash(&[public_a, &public_b]);
    let base = form(&number(public_a)) * form(&number(verifier)).pow(&number(&u));
    let shared = bytes(&base.pow(&number(secret)).retrieve());
    let mut two = [0; LENGTH];
    two[LENGTH - 1] = 2;
    let of_prime = hash(&[&bytes(&U2048::from_be_hex(PRIME))]);
    let mixed: Vec<u8> = of_prime
        .iter()
        .zip(hash(&[&two]))
        .map(|(one, other)| one ^ other)
        .collect();
    let proof = |public_a: &[u8], public_b: &[u8], shared: &[u8]| {
        let key = hash(&[shared]);
        let first = hash(&[&mixed, &hash(&[name.as_bytes()]), salt, public_a, public_b, &key]);
        let second = hash(&[public_a, &first, &key]);
        Proof { first, second }
    };
    [
        proof(public_a, &public_b, &shared),
        proof(minimal(public_a), minimal(&public_b), minimal(&shared)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap_or_default())
            .collect()
    }

    /// Vectors of two independent implementations that agree with each other and with the PyPI package `srp`: A, B, S or
    /// M2 begins with a zero byte. Each case: a, b, M1 and M2 with padded numbers, M1 and M2 with minimal ones.
    const CASES: [(&str, &str, [&str; 4]); 4] = [
        (
            "3e969c08e0286226efa7160b0bbfe947647f81725a5803600b5b0ce185012d54",
            "2f49db427ee69742833864dc7c4817216997b66f85a5f3686b8132952b48edc4",
            [
                "8a22a80e758512412e277b395261094aff67bfba5ee679d7bd54bc4aba66b64b",
                "465b4c548cb50af4c839e008d8991ec932f067821779f06186db96371b1c39db",
                "9f71c2d6d8d7e009c63ad5dbd6a562d74ac9f8371df129bbb759edd6f0f67714",
                "694ab16d2385fad1eb7ff6368993e3efc35962593a65a558bf23d8f32e83ac6b",
            ],
        ),
        (
            "e750a874f616704f419e6f1145d43602546071e835292187b5f4479146e8ed48",
            "d57c8b0ef906b68cbe234403039b5596aaae83b61ecd44f877a84c7cae774129",
            [
                "43a74e046b5188c91d1e991d18cfa99afe4107c2db00d070487bd3e795549814",
                "d120512cf8236228b1500410df62acdef26dc443024722ea91427f9422959dd4",
                "79f8d3804c13a1c4101c8f0913644898ac00bf720f6f75b16b1e179ef0093621",
                "deb914030a95ffebcb43fa42fb4267067e2c90eb7407c31c54825e04fe1486a5",
            ],
        ),
        (
            "9af6e2252d7043f65ef8dec76530895fa9fa9689de9de167015de79f078139d1",
            "ca9b182d243524c397f9d56f33aacee213cd4a1f910d4592865e758d5e60a87d",
            [
                "c112ba5360e4162d182899807a858672ae8c03da49e8e6ba5377e71c94900cd0",
                "3ab3889b460f8d03b993c9de8e3d295bad77919fcbf59e501bda452ed06bc71d",
                "773cb539a158e8663ab3586e41e02cf7eebd1493feb6a7ef0650eabfc988a2ed",
                "51ea0cf6235600093b69010647a736b54234b3716a2cbb5682a5244d39fce9b6",
            ],
        ),
        (
            "e2c81b1f64629f56055cfedeb0f454966eadc25029e680c3d641ddcded028b8d",
            "0f2c3a0078c5a67487935bae7dc4b83359be0b94520568141d17e7da84c63ecd",
            [
                "183374ee7fe7d5bd1f2e13494ebedb0b21418575b1120dc0ff6e8389625476c7",
                "005ae7a82d259e4c870d75f9561d880cece235c9c366a49bc2bd34f118afcdcb",
                "183374ee7fe7d5bd1f2e13494ebedb0b21418575b1120dc0ff6e8389625476c7",
                "5ae7a82d259e4c870d75f9561d880cece235c9c366a49bc2bd34f118afcdcb",
            ],
        ),
    ];

    const SALT: &str = "2ec4be7b077baff5cfccf973efc87674";
    const VERIFIER: &str = "a1f8209b2afbd1412aec1b241f5cb9b2ad0d48ded44f543d613ddc7cc4d8aa6570ca86e0586577b972897514bb66d3fcaedd1f8fa7fa0f3c7bd1c597feea2be9db8418bb2f5066754923c12b33ba907bb47046a3bfb14a3f4004cad8462ba4da57645ee7c35265bfd5b5e1637e08695a008217e222158f40c159812f3ecd82cb583eddefad8746a9b3f8792f710d6ff18c837ec24a6d640eee49c0efd4fbc09e178d92c0fd5ad6ea0b6b19ca51838ff822ecb568e2a836e51c668e3132f77ce29eed9487baebac0145c2551c53073fb036b7677a07e2766276ccfd1e1ead426d8c4b0ddd4618b525a13117e5bb70a38bf4c5161a0b8cc2c507e4d5b12133870e";

    #[test]
    fn clients_that_pad_numbers_and_those_that_do_not_are_both_believed() {
        for (a, b, [padded_1, padded_2, minimal_1, minimal_2]) in CASES {
            let public_a = bytes(&form(&U2048::from_u8(2)).pow(&number(&hex(a))).retrieve());
            let secret: [u8; 32] = hex(b).try_into().unwrap_or_else(|_| panic!("32 bytes"));
            for sent in [public_a.as_slice(), minimal(&public_a)] {
                let proofs = proofs("ci.user@example.com", &hex(SALT), &hex(VERIFIER), sent, &secret);
                let is_right = |first: &str, second: &str| {
                    proofs.iter().any(|proof| proof.is(&hex(first), &hex(second)))
                };
                assert!(is_right(padded_1, padded_2), "{a}");
                assert!(is_right(minimal_1, minimal_2), "{a}");
                assert!(!is_right(padded_2, padded_1), "{a}");
            }
        }
    }
}
