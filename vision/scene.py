"""What has changed in a fixed picture and stays changed (glossary: 场景变化)."""
