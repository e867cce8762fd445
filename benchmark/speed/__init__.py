"""Control steps per second against bare MuJoCo and other physics (`make speed`)."""
