"""What is kept between restarts: SQLite or PostgreSQL behind one URL."""
