//! Autoscaling: what the controller of HorizontalPodAutoscalers does, and what comes of it under traffic.

pub mod controller;
pub mod simulation;
