import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/** Runs the statements of standard input, separated by RS, on one connection; prints one JSON array for each. */
public final class Session {
    public static void main(String[] arguments) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("user", arguments[1]);
        properties.setProperty("password", "demo");
        properties.setProperty("sslmode", arguments[2]);
        String url = "jdbc:postgresql://127.0.0.1:" + arguments[0] + "/dev";
        String input = new String(System.in.readAllBytes(), StandardCharsets.UTF_8);
        try (Connection connection = DriverManager.getConnection(url, properties)) {
            for (String sql : input.split("\u001e")) {
                System.out.println(run(connection, sql));
            }
        }
    }

    private static String run(Connection connection, String sql) {
        try (Statement statement = connection.createStatement()) {
            StringBuilder rows = new StringBuilder("[\"rows\"");
            if (statement.execute(sql)) {
                ResultSet result = statement.getResultSet();
                while (result.next()) {
                    rows.append(",[");
                    for (int column = 1; column <= result.getMetaData().getColumnCount(); column++) {
                        rows.append(column > 1 ? "," : "").append(quote(result.getString(column)));
                    }
                    rows.append("]");
                }
            }
            return rows.append("]").toString();
        } catch (SQLException error) {
            String text = error.getMessage();
            if (error instanceof PSQLException) {
                ServerErrorMessage server = ((PSQLException) error).getServerErrorMessage();
                if (server != null) {
                    text = server.getMessage() + "\n" + server.getDetail() + "\n" + server.getHint();
                }
            }
            return "[\"error\"," + quote(error.getSQLState()) + "," + quote(text) + "]";
        }
    }

    private static String quote(String text) {
        if (text == null) {
            return "null";
        }
        StringBuilder quoted = new StringBuilder("\"");
        for (char letter : text.toCharArray()) {
            if (letter == '"' || letter == '\\') {
                quoted.append('\\').append(letter);
            } else if (letter < ' ') {
                quoted.append(String.format("\\u%04x", (int) letter));
            } else {
                quoted.append(letter);
            }
        }
        return quoted.append('"').toString();
    }
}
