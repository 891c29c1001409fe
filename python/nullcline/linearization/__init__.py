"""The linear map around a point: its modes, what it predicts, and what inputs do to it."""
