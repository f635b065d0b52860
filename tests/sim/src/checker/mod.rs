//! The independent checker: reads the fake logs and the reports, and says what does not agree.
