"""What students and instructors get out of the sources: notebooks, recorded answers, the bundle, and their audit."""
