//! A typed client of the App Store Connect API.
