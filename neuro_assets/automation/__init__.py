"""What runs by itself: sensors, schedules, jobs. Planners are pure functions under thin sensors."""
