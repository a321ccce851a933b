//! A local stand-in for Apple's and Bitrise's services and tools.
