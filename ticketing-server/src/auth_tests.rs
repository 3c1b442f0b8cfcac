use super::{Algorithm, Auth, Caller, EncodingKey, MintError, Role, TokenError, mint};
use crate::secret::Secret;
use axum::http::{HeaderMap, HeaderValue};
use std::time::Duration;
use ticketing_core::domain::id::UserId;

const NOW: f64 = 1_800_000_000.0;

fn secret() -> Secret {
    Secret::new("0123456789abcdef-for-tests-only-0123456789").unwrap()
}

fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let n = chunk.iter().fold(0_u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            out.push(char::from(ALPHABET[(n >> (18 - 6 * place) & 63) as usize]));
        }
    }
    out
}

/// Signs as anybody could, with these words as header and claims.
fn forged(header: &str, claims: &str, key: &[u8]) -> String {
    super::install_crypto();
    let message = format!("{}.{}", base64url(header.as_bytes()), base64url(claims.as_bytes()));
    let key = EncodingKey::from_secret(key);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

#[test]
fn a_token_is_accepted_only_if_all_of_it_holds() {
    use TokenError::{
        BadSubject, Expired, Malformed, NoExpiry, NotYetValid, UnknownRole, WrongAlgorithm, WrongSignature,
    };
    let auth = Auth::new(&secret());
    let claims = |sub: &str, rest: &str| format!(r#"{{"sub":"{sub}","exp":1800000001{rest}}}"#);
    let signed = |claims: &str| forged(HS256, claims, secret().bytes());
    let good = signed(&claims("u1", ""));
    let (message, signature) = good.rsplit_once('.').unwrap();
    let long = "ü".repeat(255);
    let too_long = "u".repeat(256);
    let ok = |sub: &str, role| Ok(Caller { user: UserId(sub.into()), role });
    let rows: Vec<(String, Result<Caller, TokenError>)> = vec![
        (good.clone(), ok("u1", Role::User)),
        (signed(&claims("u1", r#","role":"user""#)), ok("u1", Role::User)),
        (signed(&claims("u1", r#","role":"service""#)), ok("u1", Role::Service)),
        (signed(&claims("u1", r#","role":"operator","iat":1"#)), ok("u1", Role::Operator)),
        (signed(&claims("u1", r#","role":"admin","aud":"x","other":[1]"#)), ok("u1", Role::Admin)),
        (signed(&claims("u1", r#","role":"root""#)), Err(UnknownRole)),
        (signed(&claims("u1", r#","role":"User""#)), Err(UnknownRole)),
        (signed(&claims("u1", r#","role":7"#)), Err(Malformed)),
        (signed(&claims("u1", r#","nbf":1800000001"#)), Err(NotYetValid)),
        (signed(&claims("u1", r#","sub":"u2""#)), Err(Malformed)),
        (signed(&claims(&long, "")), ok(&long, Role::User)),
        (signed(&claims(&too_long, "")), Err(BadSubject)),
        (signed(&claims("", "")), Err(BadSubject)),
        (signed(&claims(" ", "")), Err(BadSubject)),
        (signed(&claims("a\\u0000b", "")), Err(BadSubject)),
        (signed(r#"{"exp":1800000001}"#), Err(BadSubject)),
        (signed(r#"{"sub":7,"exp":1800000001}"#), Err(Malformed)),
        (signed(r#"{"sub":"u1"}"#), Err(NoExpiry)),
        (signed(r#"{"sub":"u1","exp":null}"#), Err(NoExpiry)),
        (signed(r#"{"sub":"u1","exp":"1800000001"}"#), Err(Malformed)),
        (signed(r#"{"sub":"u1","exp":1e999}"#), Err(Malformed)),
        (signed(r#"{"sub":"u1","exp":1800000000}"#), Err(Expired)),
        (signed(r#"{"sub":"u1","exp":1800000000.5}"#), ok("u1", Role::User)),
        (signed(r#"{"sub":"u1","exp":-1}"#), Err(Expired)),
        (signed("[]"), Err(Malformed)),
        (forged(HS256, &claims("u1", ""), b"another secret"), Err(WrongSignature)),
        (forged(r#"{"alg":"HS384"}"#, &claims("u1", ""), secret().bytes()), Err(WrongAlgorithm)),
        (forged(r#"{"alg":"RS256"}"#, &claims("u1", ""), secret().bytes()), Err(WrongAlgorithm)),
        (forged(r#"{"alg":"none"}"#, &claims("u1", ""), secret().bytes()), Err(Malformed)),
        (forged(r#"{"typ":"JWT"}"#, &claims("u1", ""), secret().bytes()), Err(Malformed)),
        (forged(r#"{"alg":"HS256","crit":["b64"]}"#, &claims("u1", ""), secret().bytes()), Err(Malformed)),
        (format!("{message}."), Err(WrongSignature)),
        (format!("{message}.{}", &signature[..20]), Err(WrongSignature)),
        (format!("{good}x"), Err(Malformed)),
        (format!("x{good}"), Err(Malformed)),
        (message.to_owned(), Err(Malformed)),
        (format!("{good}.{signature}"), Err(Malformed)),
        ("".into(), Err(Malformed)),
        ("..".into(), Err(Malformed)),
    ];
    for round in ["fresh", "remembered"] {
        for (token, expected) in &rows {
            let answer = auth.verify(token, NOW);
            match expected {
                Ok(_) => assert_eq!(&answer, expected, "{round} {token}"),
                // What can't be read may be found out at one place or another; that it is refused matters.
                Err(Malformed) => assert!(answer.is_err(), "{round} {token}"),
                Err(_) => assert_eq!(&answer, expected, "{round} {token}"),
            }
        }
    }
}

#[test]
fn a_remembered_token_still_expires() {
    let auth = Auth::new(&secret());
    let token = forged(HS256, r#"{"sub":"u1","exp":1800000001}"#, secret().bytes());
    assert!(auth.verify(&token, NOW).is_ok());
    assert!(auth.verify(&token, NOW).is_ok());
    assert_eq!(auth.verify(&token, NOW + 1.0), Err(TokenError::Expired));
}

#[test]
fn the_scheme_is_bearer_in_any_case_and_there_is_one_token() {
    let auth = Auth::new(&secret());
    let token = mint(&secret(), "u1", Role::User, Duration::from_secs(60)).unwrap();
    let rows = [
        (vec![format!("Bearer {token}")], true),
        (vec![format!("bearer {token}")], true),
        (vec![format!("BEARER  {token} ")], true),
        (vec![], false),
        (vec![token.clone()], false),
        (vec![format!("Basic {token}")], false),
        (vec![format!("Bearer{token}")], false),
        (vec!["Bearer".to_owned()], false),
        (vec!["Bearer ".to_owned()], false),
        (vec![format!("Bearer {token}"), format!("Bearer {token}")], false),
    ];
    for (values, accepted) in rows {
        let mut headers = HeaderMap::new();
        for value in &values {
            headers.append("authorization", HeaderValue::from_str(value).unwrap());
        }
        assert_eq!(auth.caller(&headers).is_ok(), accepted, "{values:?}");
    }
    let mut headers = HeaderMap::new();
    headers.insert("cookie", HeaderValue::from_str(&format!("session={token}")).unwrap());
    assert_eq!(auth.caller(&headers), Err(TokenError::Missing));
}

#[test]
fn a_minted_token_is_accepted_and_says_what_it_was_given() {
    let auth = Auth::new(&secret());
    for role in Role::ALL {
        let token = mint(&secret(), "ada", role, Duration::from_secs(60)).unwrap();
        let caller = auth.verify(&token, super::seconds_now()).unwrap();
        assert_eq!(caller, Caller { user: UserId("ada".into()), role });
        assert_eq!(auth.verify(&token, super::seconds_now() + 61.0), Err(TokenError::Expired));
    }
    let minute = Duration::from_secs(60);
    assert_eq!(mint(&secret(), "", Role::User, minute), Err(MintError::BadSubject));
    assert_eq!(mint(&secret(), "a\nb", Role::User, minute), Err(MintError::BadSubject));
    assert_eq!(mint(&secret(), "a", Role::User, Duration::ZERO), Err(MintError::BadTtl));
    assert!(mint(&secret(), "a", Role::User, Duration::MAX).is_ok());
}
