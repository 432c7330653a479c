"""All that is known of one track."""
