import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import java.util.StringJoiner;
import java.util.Timer;
import java.util.TimerTask;

/** One session of pgjdbc, as test_drivers.py tells it; prints one JSON object. Arguments: port, authority, refused statement. */
public final class Driver {
    private static final StringJoiner SEEN = new StringJoiner(",", "{", "}");

    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("user", "postgres");
        properties.setProperty("sslmode", "verify-full");
        properties.setProperty("sslrootcert", arguments[1]);
        // From the second use on, a prepared statement is a named one of the server's.
        properties.setProperty("prepareThreshold", "2");
        String refused = arguments[2];
        String url = "jdbc:postgresql://127.0.0.1:" + arguments[0] + "/postgres";
        try (Connection connection = DriverManager.getConnection(url, properties)) {
            seen("query", value(connection, "select 41 + 1"));
            prepared(connection, refused);
            connection.setAutoCommit(false);
            seen("cursor", cursor(connection));
            connection.commit();
            seen("in_transaction", failure(connection, refused));
            seen("aborted", failure(connection, "select 1"));
            connection.rollback();
            connection.setAutoCommit(true);
            seen("error", failure(connection, "select 1/0"));
            seen("refusal", failure(connection, refused));
            seen("cancel", cancelled(connection));
            seen("after", value(connection, "select 1"));
        }
        System.out.println(SEEN);
    }

    private static void seen(String step, String json) {
        SEEN.add("\"" + step + "\":" + json);
    }

    private static String value(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery(sql)) {
            result.next();
            return result.getString(1);
        }
    }

    private static void prepared(Connection connection, String refused) throws SQLException {
        StringJoiner values = new StringJoiner(",", "[", "]");
        try (PreparedStatement twice = connection.prepareStatement("select ?::int * 2")) {
            for (int round = 0; round < 3; round++) {
                twice.setInt(1, round);
                try (ResultSet result = twice.executeQuery()) {
                    result.next();
                    values.add(result.getString(1));
                }
            }
        }
        seen("prepared", values.toString());
        try (PreparedStatement statement = connection.prepareStatement(refused)) {
            statement.execute();
            seen("refusal_prepared", "null");
        } catch (SQLException error) {
            seen("refusal_prepared", "\"" + error.getSQLState() + "\"");
        }
    }

    private static String cursor(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(100);
            long sum = 0;
            try (ResultSet result = statement.executeQuery("select generate_series(1, 1000)")) {
                while (result.next()) {
                    sum += result.getInt(1);
                }
            }
            return Long.toString(sum);
        }
    }

    private static String failure(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
            return "null";
        } catch (SQLException error) {
            return "\"" + error.getSQLState() + "\"";
        }
    }

    private static String cancelled(Connection connection) throws SQLException {
        Timer timer = new Timer(true);
        try (Statement statement = connection.createStatement()) {
            timer.schedule(new TimerTask() {
                @Override
                public void run() {
                    try {
                        statement.cancel();
                    } catch (SQLException error) {
                        System.err.println(error);
                    }
                }
            }, 300);
            statement.execute("select pg_sleep(30)");
            return "null";
        } catch (SQLException error) {
            return "\"" + error.getSQLState() + "\"";
        } finally {
            timer.cancel();
        }
    }
}
