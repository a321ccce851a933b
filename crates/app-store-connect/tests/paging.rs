//! Lists over several pages, from servers that count wrongly, repeat themselves, or lead astray.
//!
//! The answers have the shape of Apple's `PagedDocumentLinks` and `PagingInformation`
//! (<https://developer.apple.com/documentation/appstoreconnectapi/pageddocumentlinks>).
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use app_store_connect::{Client, Credentials, Error, Options, resources::Devices};

struct Server {
    url: String,
    asked: Arc<Mutex<usize>>,
}

/// How many devices a page has, the link to the next one, and how many devices the list says it has.
type Page = (usize, Option<String>, Option<u64>);

impl Server {
    /// Answers request `number` with a page.
    fn new(page: impl Fn(usize) -> Page + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(0));
        let shared = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let head = BufReader::new(&stream)
                    .lines()
                    .take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty()));
                if head.count() == 0 {
                    continue;
                }
                let number = {
                    let mut asked = shared.lock().unwrap();
                    *asked += 1;
                    *asked
                };
                let body = document(number, page(number));
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all([head, body].concat().as_bytes());
            }
        });
        Self { url, asked }
    }

    async fn devices(&self) -> Result<usize, Error> {
        let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let credentials = Credentials {
            key_id: "KEY1234567".to_owned(),
            issuer_id: Some("issuer".to_owned()),
            private_key: key.into(),
            enterprise: false,
        };
        let options = Options {
            base_url: Some(transport::base_url(&self.url).unwrap()),
            ..Options::default()
        };
        let client = Client::new(credentials, options).unwrap();
        Ok(client.items(&Devices).await?.data.len())
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }
}

fn document(number: usize, (count, next, total): Page) -> String {
    let devices: Vec<String> = (0..count)
        .map(|device| {
            format!(r#"{{"type":"devices","id":"{number}-{device}","attributes":{{"name":"n","udid":"u"}}}}"#)
        })
        .collect();
    let next = next.map_or("null".to_owned(), |next| format!("{next:?}"));
    let meta = total.map_or("null".to_owned(), |total| {
        format!(r#"{{"paging":{{"total":{total},"limit":200}}}}"#)
    });
    format!(
        r#"{{"data":[{}],"links":{{"self":"x","next":{next}}},"meta":{meta}}}"#,
        devices.join(",")
    )
}

#[tokio::test]
async fn all_pages_are_read() {
    let server = Server::new(|number| {
        (
            2,
            (number < 3).then(|| format!("/v1/devices?cursor={number}")),
            Some(6),
        )
    });
    assert_eq!((server.devices().await.unwrap(), server.asked()), (6, 3));
}

#[tokio::test]
async fn a_link_that_repeats_itself_ends_the_list_with_an_error() {
    for period in [1, 2, 5] {
        let server =
            Server::new(move |number| (1, Some(format!("/v1/devices?cursor={}", number % period)), None));
        let error = server.devices().await.unwrap_err().to_string();
        assert!(error.contains("it does not end after"), "{error}");
        assert!(server.asked() <= period + 2, "{}", server.asked());
    }
}

#[tokio::test]
async fn pages_that_never_end_end() {
    let server = Server::new(|number| (1, Some(format!("/v1/devices?cursor={number}")), Some(20)));
    let error = server.devices().await.unwrap_err().to_string();
    assert!(error.contains("it does not end after 22 pages"), "{error}");
}

#[tokio::test]
async fn a_link_that_leads_elsewhere_is_not_followed() {
    for link in [
        "https://evil.example.com/v1/devices?cursor=1",
        "/v1/users?cursor=1",
        "file:///v1/devices",
        "//evil.example.com/v1/devices",
    ] {
        let server = Server::new(move |_| (1, Some(link.to_owned()), None));
        let error = server.devices().await.unwrap_err().to_string();
        assert!(error.contains("leads elsewhere"), "{link}: {error}");
        assert_eq!(server.asked(), 1);
    }
}

#[tokio::test]
async fn an_empty_list_that_says_it_has_entries_is_not_taken_for_none() {
    let server = Server::new(|_| (0, None, Some(5)));
    let error = server.devices().await.unwrap_err().to_string();
    assert!(error.contains("reports 5 entries, but lists 0"), "{error}");
    assert_eq!(server.asked(), 2);
    // The second look may be right.
    let server = Server::new(|number| {
        if number == 1 {
            (0, None, Some(5))
        } else {
            (5, None, Some(5))
        }
    });
    assert_eq!(server.devices().await.unwrap(), 5);
    let server = Server::new(|_| (0, None, Some(0)));
    assert_eq!((server.devices().await.unwrap(), server.asked()), (0, 1));
}
