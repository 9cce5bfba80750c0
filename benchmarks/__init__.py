"""What is run: experiment files, pytest suites, published predictions, speed."""
