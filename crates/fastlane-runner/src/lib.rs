//! Ruby, Bundler, gems and running fastlane with an account.
