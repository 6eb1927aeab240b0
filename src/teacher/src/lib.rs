//! What a teacher needs: marks for what a class has handed in, and a repository for the class.

pub mod classroom;
pub mod grade;
