//! The proof that one knows a password: SRP-6a as Apple computes it.
//!
//! Facts: the 2048-bit group of RFC 5054 with SHA-256; the password is hashed and then stretched by PBKDF2; the user's
//! name is not in `x`, and `g` is padded in the proof. Clients disagree on numbers that begin with a zero byte, and what
//! Apple does is not known: exchanges with such numbers are restarted ([`Unusable::Ambiguous`]).

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U2048};
use pbkdf2::pbkdf2_hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

/// The length of the group's numbers, in bytes.
const LENGTH: usize = 256;

/// More rounds than Apple has asked for (20,012 were seen), and few enough not to burn a build.
const MOST_ITERATIONS: u32 = 1_000_000;

/// How the password is prepared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// From its hash.
    S2k,
    /// From its hash, written as hexadecimal text: accounts of older days.
    S2kFo,
}

impl Protocol {
    /// Reads Apple's word; `None` for one that is not known.
    pub fn from_apple(word: &str) -> Option<Self> {
        match word {
            "s2k" => Some(Self::S2k),
            "s2k_fo" => Some(Self::S2kFo),
            _ => None,
        }
    }
}

/// What the server answered to the first message.
#[derive(Debug, Clone, Copy)]
pub struct Challenge<'a> {
    /// How the password is prepared.
    pub protocol: Protocol,
    /// The salt.
    pub salt: &'a [u8],
    /// The rounds of PBKDF2.
    pub iterations: u32,
    /// The server's public number, `B`.
    pub public_b: &'a [u8],
}

/// The two proofs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proofs {
    /// That the client knows the password, `M1`.
    pub m1: [u8; 32],
    /// What the server would prove in return, `M2`; Apple requires it, too.
    pub m2: [u8; 32],
}

/// Why an exchange gives no proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The server's numbers are not those of an honest one.
    #[error("Apple's sign-in sent invalid SRP parameters")]
    Dishonest,
    /// A number begins with a zero byte: restart.
    #[error("ambiguous encoding of an SRP parameter; restarting the exchange")]
    Ambiguous,
    /// The machine gives no random numbers.
    #[error("the operating system provides no random numbers")]
    NoRandom,
}

/// The group's prime, from RFC 5054, appendix A.
const PRIME: &str = "ac6bdb41324a9a9bf166de5e1389582faf72b6651987ee07fc3192943db56050a37329cbb4a099ed8193e0757767a13dd52312ab4b03310dcd7f48a9da04fd50e8083969edb767b0cf6095179a163ab3661a05fbd5faaae82918a9962f0b93b855f97993ec975eeaa80d740adbf4ff747359d041d5c33ea71d281e446b14773bca97b43a23fb801676bd207a436c6481f1d2b9078717461a5b9d32e688f87748544523b524b0d57d5ea77a2775d2ecfa032cfbdbf52fb3786160279004e57ae6af874e7303ce53299ccc041c7bc308d82a5698f3a8d0c38271ae35f8e9dbfbb694b5c803d89f7ae435de236d525f54759b65e372fcd68ef20fa7111f9e4aff73";

fn group() -> FixedMontyParams<{ U2048::LIMBS }> {
    let prime = Odd::new(U2048::from_be_hex(PRIME));
    // The prime is odd, as primes are.
    FixedMontyParams::new_vartime(prime.into_option().unwrap_or(Odd::<U2048>::from_be_hex(PRIME)))
}

/// One exchange: the client's secret number and its public one.
pub struct Client {
    secret: Zeroizing<[u8; 32]>,
    public: [u8; LENGTH],
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client(..)")
    }
}

impl Client {
    /// Begins an exchange.
    ///
    /// # Errors
    /// When the machine gives no random numbers.
    pub fn begin() -> Result<Self, Unusable> {
        loop {
            let mut secret = Zeroizing::new([0; 32]);
            SystemRandom::new()
                .fill(secret.as_mut_slice())
                .map_err(|_| Unusable::NoRandom)?;
            let client = Self::with_secret(secret);
            if client.public[0] != 0 {
                return Ok(client);
            }
        }
    }

    fn with_secret(secret: Zeroizing<[u8; 32]>) -> Self {
        let group = group();
        let mut exponent = number(secret.as_slice());
        let public = FixedMontyForm::new(&U2048::from_u8(2), &group)
            .pow(&exponent)
            .retrieve();
        exponent.zeroize();
        Self {
            secret,
            public: bytes(&public),
        }
    }

    /// The client's public number, `A`.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// The proofs for the server's answer. The user's name counts in lower case.
    ///
    /// # Errors
    /// When the answer gives none.
    pub fn prove(&self, name: &str, password: &str, challenge: Challenge<'_>) -> Result<Proofs, Unusable> {
        let sound = (1..=MOST_ITERATIONS).contains(&challenge.iterations)
            && (1..=64).contains(&challenge.salt.len())
            && (1..=LENGTH).contains(&challenge.public_b.len());
        let group = group();
        let modulus = U2048::from_be_hex(PRIME);
        let public_b = number(challenge.public_b);
        if !sound || public_b >= modulus || public_b == U2048::ZERO {
            return Err(Unusable::Dishonest);
        }
        let padded_b = bytes(&public_b);
        let scrambler = Sha256::new()
            .chain_update(self.public)
            .chain_update(padded_b)
            .finalize();
        let mut x = private_key(password, challenge);

        // S = (B - k * g^x) ^ (a + u * x)
        let form = |value: &U2048| FixedMontyForm::new(value, &group);
        let multiplier = Sha256::new()
            .chain_update(bytes(&modulus))
            .chain_update(padded(&[2]))
            .finalize();
        let base = form(&public_b)
            - form(&number(&multiplier)) * form(&U2048::from_u8(2)).pow(&number(x.as_slice()));
        let mut exponent = number(self.secret.as_slice())
            .wrapping_add(&number(&scrambler).wrapping_mul(&number(x.as_slice())));
        let shared = Zeroizing::new(bytes(&base.pow(&exponent).retrieve()));
        exponent.zeroize();
        x.zeroize();
        if padded_b[0] == 0 || shared[0] == 0 || self.public[0] == 0 {
            return Err(Unusable::Ambiguous);
        }
        Ok(self.proofs(name, challenge.salt, &padded_b, shared.as_slice()))
    }

    fn proofs(&self, name: &str, salt: &[u8], public_b: &[u8], shared: &[u8]) -> Proofs {
        let key = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(shared)));
        let mut group_hash = <[u8; 32]>::from(Sha256::digest(bytes(&U2048::from_be_hex(PRIME))));
        let of_generator = Sha256::digest(padded(&[2]));
        group_hash
            .iter_mut()
            .zip(of_generator)
            .for_each(|(one, other)| *one ^= other);
        let m1: [u8; 32] = Sha256::new()
            .chain_update(group_hash)
            .chain_update(Sha256::digest(name.to_lowercase().as_bytes()))
            .chain_update(salt)
            .chain_update(self.public)
            .chain_update(public_b)
            .chain_update(key.as_slice())
            .finalize()
            .into();
        let m2 = Sha256::new()
            .chain_update(self.public)
            .chain_update(m1)
            .chain_update(key.as_slice())
            .finalize();
        Proofs { m1, m2: m2.into() }
    }
}

/// `x`: the salt and the stretched password, without the user's name.
fn private_key(password: &str, challenge: Challenge<'_>) -> Zeroizing<[u8; 32]> {
    let hash = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(password.as_bytes())));
    let prepared: Zeroizing<Vec<u8>> = match challenge.protocol {
        Protocol::S2k => Zeroizing::new(hash.to_vec()),
        Protocol::S2kFo => Zeroizing::new(base16ct::lower::encode_string(hash.as_slice()).into_bytes()),
    };
    let mut key = Zeroizing::new([0; 32]);
    pbkdf2_hmac::<Sha256>(
        &prepared,
        challenge.salt,
        challenge.iterations,
        key.as_mut_slice(),
    );
    let inner = Zeroizing::new(<[u8; 32]>::from(
        Sha256::new()
            .chain_update(b":")
            .chain_update(key.as_slice())
            .finalize(),
    ));
    Zeroizing::new(
        Sha256::new()
            .chain_update(challenge.salt)
            .chain_update(inner.as_slice())
            .finalize()
            .into(),
    )
}

/// Big-endian bytes, at most as many as the group's numbers have.
fn number(bytes: &[u8]) -> U2048 {
    U2048::from_be_slice(&padded(bytes))
}

fn padded(bytes: &[u8]) -> [u8; LENGTH] {
    let mut out = [0; LENGTH];
    let bytes = &bytes[bytes.len().saturating_sub(LENGTH)..];
    out[LENGTH - bytes.len()..].copy_from_slice(bytes);
    out
}

fn bytes(number: &U2048) -> [u8; LENGTH] {
    padded(number.to_be_bytes().as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Vector {
        protocol: Protocol,
        name: &'static str,
        password: &'static str,
        salt: &'static str,
        iterations: u32,
        a: &'static str,
        public_a: &'static str,
        public_b: &'static str,
        m1: &'static str,
        m2: &'static str,
    }

    /// Made by two implementations that agree, with a server half.
    const VECTORS: [Vector; 2] = [
        Vector {
            protocol: Protocol::S2k,
            name: "ci.user@example.com",
            password: "correct horse battery staple",
            salt: "2ec4be7b077baff5cfccf973efc87674",
            iterations: 20012,
            a: "0e4f7ee1ba87cc87b76db2a974c908e65b549bc30806fab1aea7450d4b4d5afd",
            public_a: "56fa2ce0599c98641aad069ce6b3e8234e12ca58d3b93d68e80c094a366fcdf1a586859af87a1d76c4019e50222d86a7841f1662191554b852b5bc4ae0d31d9657ba3e26b8dc5d060ac207eb7e7b427a4921b1286e6fbe8af5a781d420a3aaee3324515e91d6fb61ce034e8ebd97fb30f92f1f7fa9f8ee52ae5ea63b60eb56b1b4d6471d5fb70e124500db87ac65efc17eaa7764eec558ee997405b44583c454cc2049a09965673c117f07963ccdba8f25ee26196491414e8c96df16721e8ac7438f5b050746adacb11e12c330d2d743dbbd83797b384b7c7e59d1bf3185ef5c415733bab0a67f699c74cfe7c604486db0026a460371d5bd7a30e3de6c7035f5",
            public_b: "164346af431c5576a03cd8558d20646d376d35bef2f024b5ca9fe59a61333cd3d9ed49d96bc9fbb8e92ff4ea4ac81f7655be9ac83cce16b6d80a622d92c6695a59b287885a0d63df75715fea8a8f66c612df4e05f0da4f79268d4b151ccdf235920fca53a0f2654362a9b1b63936e3c427c749563c597fe98228bfd44f7cb58d62567402686b184a454e3a9616764e11588d1256d45d89e4b77e787f31fbf312817ffaa301956a21d62deea7e0443df6ca14c34ba5039beb4ab799fa4716cd6e01ea136d1d410e5dca9667b77dcd14ea2ee1f1c5d32d1043a2afbb87d7f1900630583d6549d3d653cff355fef852a29bcd3b518afa5bc7c9cdaf93f42a075fff",
            m1: "ccae967286014b2ddd081304a94c0ab8233c3cfcce366be8eecf94672cab04c8",
            m2: "2ef5cca82fca372c6d405b2b1a800c14ca0247b75bdf4aee1173f89a84d7a4cf",
        },
        Vector {
            protocol: Protocol::S2kFo,
            name: "Legacy.User@Example.com",
            password: "pässwörd-№1",
            salt: "895192cf4f9e5c07b98f306cb921fd1a",
            iterations: 1160,
            a: "9cdc194f6ab9869a435f9f31160ec08f86080f646dab5a7745f4146868bc3035",
            public_a: "98c24334436f22563aace8416929d216fc5d969b31c66a02df1c89d597a59913d8d6692c00e2a24fd0c26cd3f3bc0d36097940b255bc6a7f37f86fca94c004a943236b2bac23e4299b5e3d7f8d9e0aee4459ed72a0fc967057e43d4e932fea166b163397207357258e7a00ab06d49da9a2ac9afd0db72a513873bdc75c5349c7653e692664a288b42b49ec82b60da69498f9889c6078516b74e55bb7a4b3d99d59d1f45713ca71af552ad4ab424444ce214bbf73bff2e4853cb23fa2674b8d8873da3ce51c378a72a7c68c7fff29d62e741042a2512988919fb4e991109d59932a294531beffd4e2a0ca7f161db6daa299d8c14155418d96ff18244a9850c079",
            public_b: "1c6acec8b431831a4e98789800df28f943fdefdd1ade1e3a3aa3ec600b00ed29394c3c468f5fe0fb3cd23a00f1e276285f709274584323a0f8eebb92c24a9d4dbf93beb5cf13cb8209e5702e3118f7b16877264c7944d2c3dd102007a7f892f1475d8546cc85ea34973d884adb94a938171311c6a6944b0635ff807d32472b2f916c7309fa8f8bdff5b6eb4750fba6d9e98966e2681ef5bacb5b62bf1cf0cdc3eb4a960b7ce28fd143c3822fd62e89bf0d4ed273f9a95e070e5c85be54b5ba700c58dbd9f60fcdc428a3e9d38033e28ba973f0555004e5a964c8a21c39ea3a9cac1ed1c95f57691aa88e42991019b3727b67f072afd9b523c8d790743b152f2c",
            m1: "e6219167df9f45b3f7534156372133456b9c09fe9ad834f7efbf95ab17d45a8f",
            m2: "06b9cf9af3c003e3b490d40598d27bcc44752a98f0c0652fea115398a862671e",
        },
    ];

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len() / 2)
            .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
            .collect()
    }

    use base16ct::lower::encode_string as hex;

    fn client(secret: &str) -> Client {
        Client::with_secret(Zeroizing::new(unhex(secret).try_into().unwrap()))
    }

    #[test]
    fn both_protocols_give_the_proofs_of_other_implementations() {
        for vector in VECTORS {
            let client = client(vector.a);
            assert_eq!(hex(client.public()), vector.public_a);
            let (salt, public_b) = (unhex(vector.salt), unhex(vector.public_b));
            let challenge = Challenge {
                protocol: vector.protocol,
                salt: &salt,
                iterations: vector.iterations,
                public_b: &public_b,
            };
            let proofs = client.prove(vector.name, vector.password, challenge).unwrap();
            assert_eq!(
                (hex(&proofs.m1).as_str(), hex(&proofs.m2).as_str()),
                (vector.m1, vector.m2),
                "{}",
                vector.name
            );
        }
    }

    #[test]
    fn a_number_that_begins_with_zero_restarts_the_exchange() {
        let [vector, _] = VECTORS;
        let (salt, public_b) = (unhex(vector.salt), unhex(vector.public_b));
        let challenge = Challenge {
            protocol: Protocol::S2k,
            salt: &salt,
            iterations: 1,
            public_b: &public_b,
        };
        // Its A begins with a zero byte.
        let unlucky = client("3e969c08e0286226efa7160b0bbfe947647f81725a5803600b5b0ce185012d54");
        assert_eq!(unlucky.public()[0], 0);
        assert_eq!(unlucky.prove("a", "p", challenge), Err(Unusable::Ambiguous));
        assert!((0..3).all(|_| Client::begin().unwrap().public()[0] != 0));
    }

    #[test]
    fn dishonest_numbers_are_refused() {
        let client = client("0e4f7ee1ba87cc87b76db2a974c908e65b549bc30806fab1aea7450d4b4d5afd");
        let prime = unhex(PRIME);
        let one = [1; 16];
        for (salt, iterations, public_b) in [
            (&one[..], 1, &[0; 256][..]),
            (&one[..], 1, &prime[..]),
            (&one[..], 0, &one[..]),
            (&one[..], MOST_ITERATIONS + 1, &one[..]),
            (&[][..], 1, &one[..]),
            (&one[..], 1, &[1; 257][..]),
        ] {
            let challenge = Challenge {
                protocol: Protocol::S2k,
                salt,
                iterations,
                public_b,
            };
            assert_eq!(client.prove("a", "p", challenge), Err(Unusable::Dishonest));
        }
    }
}
